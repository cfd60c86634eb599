"""ShareLinear: one batch, many tasks; rows without one are the base model's, bit for bit."""

import copy
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.pytorch_utils import Conv1D

from sleepy_coder.errors import StoreError
from sleepy_coder.share.layer import ShareLinear, eject, inject, use_tasks
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.task_table import TaskTable
from sleepy_coder.share.tasks import add_columns, columns_beyond
from sleepy_coder.share.trainable import TrainableTasks

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


class TwoLayers(nn.Module):
    """A module tree with one linear layer inside another module."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 20)
        self.inner = nn.Sequential(nn.Linear(20, 9, bias=False))

    def forward(self, x):
        return self.inner(torch.tanh(self.first(x)))


def orthonormal(size, k, generator):
    return torch.linalg.qr(torch.randn(size, k, generator=generator))[0]


def random_subspace(model, ranks, seed=0, targets=("first", "inner.0")):
    """A subspace with k_a != k_b and tasks t0, t1, ... of the given pseudo-ranks."""
    generator = torch.Generator().manual_seed(seed)
    modules = dict(model.named_modules())
    sizes = {name: (5, 4) if index % 2 == 0 else (3, 6) for index, name in enumerate(targets)}
    bases = {
        name: ModuleBasis(
            basis_b=orthonormal(modules[name].out_features, k_b, generator),
            basis_a=orthonormal(modules[name].in_features, k_a, generator),
        )
        for name, (k_a, k_b) in sizes.items()
    }
    tasks = {
        f"t{index}": {
            name: ModuleCoefficients(
                coef_b=torch.randn(k_b, rank, generator=generator),
                coef_a=torch.randn(k_a, rank, generator=generator),
            )
            for name, (k_a, k_b) in sizes.items()
        }
        for index, rank in enumerate(ranks)
    }
    return Subspace(bases, tasks)


def delta_weight(subspace, task, module):
    basis, coef = subspace.bases[module], subspace.tasks[task][module]
    return (basis.basis_b @ coef.coef_b) @ (basis.basis_a @ coef.coef_a).T


def merged(model, subspace, task):
    """A plain model with one task's ΔW added to its weights."""
    plain = copy.deepcopy(model)
    for name, module in plain.named_modules():
        if name in subspace.bases and task is not None:
            module.weight.data += delta_weight(subspace, task, name).to(module.weight)
    return plain


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TwoLayers().requires_grad_(requires_grad=False)


@pytest.mark.parametrize("with_grad", [False, True])
@pytest.mark.parametrize("ranks", [(1, 1, 1), (1, 3, 2)], ids=["p1", "mixed-p"])
@pytest.mark.parametrize("names", [["t2", None, "t0", "t1", "t0"], ["t2", "t1", "t0", "t1", "t0"]])
def test_each_row_gets_its_own_task(model, ranks, names, with_grad):
    subspace = random_subspace(model, ranks)
    x = torch.randn(5, 6, 12)
    expected = torch.stack(
        [merged(model, subspace, name)(row) for name, row in zip(names, x, strict=True)]
    )
    base = model(x)
    inject(model, subspace)
    with torch.set_grad_enabled(with_grad), use_tasks(model, names):
        got = model(x)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(got[0], base[0], atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("with_grad", [False, True])
@pytest.mark.parametrize("ranks", [(1, 1, 1), (1, 3, 2)], ids=["p1", "mixed-p"])
def test_half_precision_rows_are_within_three_roundings_of_float64(model, ranks, with_grad, dtype):
    subspace = random_subspace(model, ranks)
    names = ["t2", "t0", None, "t1"]
    x = torch.randn(4, 6, 12).to(dtype)
    model.to(dtype)
    wide = copy.deepcopy(model).double()
    base = wide(x.double())
    expected = torch.stack(
        [merged(wide, subspace, name)(row) for name, row in zip(names, x.double(), strict=True)]
    )
    inject(model, subspace)
    with torch.set_grad_enabled(with_grad), use_tasks(model, names):
        got = model(x)
    assert got.dtype == dtype
    limit = 3 * torch.finfo(dtype).eps
    for row, name in enumerate(names):
        whole = expected[row].norm()
        assert (got[row] - expected[row]).norm() < limit * whole
        assert name is None or (base[row] - expected[row]).norm() > 10 * limit * whole


def test_a_batch_of_several_tasks_among_more_than_a_thousand(model):
    subspace = random_subspace(model, (1,) * 1100)
    names = ["t1099", "t0", None, "t1023", "t1024", "t0", "t517"]
    x = torch.randn(len(names), 3, 12)
    expected = torch.stack(
        [merged(model, subspace, name)(row) for name, row in zip(names, x, strict=True)]
    )
    table = inject(model, subspace)
    assert len(table) == 1100
    with use_tasks(model, names):
        torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-5)


def test_inputs_may_have_one_or_several_token_dimensions(model):
    subspace = random_subspace(model, (1, 1))
    x = torch.randn(2, 3, 4, 12)
    expected = torch.stack([merged(model, subspace, f"t{i}")(x[i]) for i in (0, 1)])
    inject(model, subspace)
    with use_tasks(model, ["t0", "t1"]):
        torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(model(x[:, 0, 0]), expected[:, 0, 0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("with_grad", [False, True])
def test_rows_without_a_task_are_the_base_model_bit_for_bit(model, dtype, with_grad):
    model.to(dtype)
    subspace = random_subspace(model, (1, 2))
    x = torch.randn(6, 5, 12, dtype=dtype)
    x[3, 1] = 0.0
    x[4, 2, 0] = -0.0
    model.inner[0].weight.data[0] = -0.0  # a column of the output that is negative zero
    base = model(x)
    inject(model, subspace)
    names = ["t0", None, "t1", None, None, "t0"]
    with torch.set_grad_enabled(with_grad):
        with use_tasks(model, names):
            mixed = model(x)
        with use_tasks(model, [None] * 6):
            none = model(x)
    bits = torch.int32 if dtype == torch.float32 else torch.int16
    without = [1, 3, 4]
    assert torch.equal(mixed[without].view(bits), base[without].view(bits))
    assert torch.equal(none.view(bits), base.view(bits))
    assert not torch.equal(mixed[0], base[0])


def test_a_poisoned_task_does_not_reach_other_rows(model):
    subspace = random_subspace(model, (1, 1))
    x = torch.randn(3, 2, 12)
    base = model(x)
    inject(model, subspace)
    layer = model.first
    layer.basis_a[0, 0] = float("inf")
    with use_tasks(model, ["t0", None, "t1"]):
        got = model(x)
    assert not torch.isfinite(got[0]).all()
    assert torch.equal(got[1], base[1])


def test_a_task_absent_from_a_module_leaves_it_alone(model):
    subspace = random_subspace(model, (1,))
    partial = {"first": subspace.tasks["t0"]["first"]}
    x = torch.randn(1, 2, 12)
    first = copy.deepcopy(model.first)
    first.weight.data += delta_weight(subspace, "t0", "first")
    expected = model.inner(torch.tanh(first(x)))
    inject(model, Subspace(subspace.bases, {"t0": partial}))
    with use_tasks(model, ["t0"]):
        torch.testing.assert_close(model(x), expected)


def test_eject_restores_the_same_module_objects(model):
    before = dict(model.named_modules())
    state = {key: value.clone() for key, value in model.state_dict().items()}
    inject(model, random_subspace(model, (1,)))
    assert isinstance(model.first, ShareLinear)
    eject(model)
    after = dict(model.named_modules())
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())


def test_outside_use_tasks_the_model_is_the_base_model(model):
    x = torch.randn(2, 3, 12)
    base = model(x)
    inject(model, random_subspace(model, (1,)))
    assert torch.equal(model(x), base)
    with pytest.raises(RuntimeError, match="boom"), use_tasks(model, ["t0", "t0"]):
        raise RuntimeError("boom")
    assert torch.equal(model(x), base)


def test_an_inner_use_tasks_holds_until_it_ends(model):
    inject(model, random_subspace(model, (1, 1)))
    x = torch.randn(1, 3, 12)
    with use_tasks(model, ["t0"]):
        first = model(x)
        with use_tasks(model, [None]):
            assert not torch.equal(model(x), first)
        assert torch.equal(model(x), first)


def test_tasks_hold_in_all_threads_and_a_thread_that_enters_waits_for_its_own(model):
    inject(model, random_subspace(model, (1,)))
    x = torch.randn(1, 3, 12)
    base = model(x)
    seen = {}
    has_looked = threading.Event()

    def work():
        seen["inside"] = model(x)
        has_looked.set()
        with use_tasks(model, [None]):
            seen["entered"] = model(x)

    thread = threading.Thread(target=work)
    with use_tasks(model, ["t0"]):
        thread.start()
        assert has_looked.wait(30)
        thread.join(0.05)
        expected = model(x)
        assert "entered" not in seen
    thread.join(30)
    assert torch.equal(seen["inside"], expected)
    assert torch.equal(seen["entered"], base)
    assert not torch.equal(expected, base)


def test_wrong_number_of_rows_is_refused(model):
    inject(model, random_subspace(model, (1,)))
    with use_tasks(model, ["t0", None]), pytest.raises(StoreError, match=r"3 rows.*2 names"):
        model(torch.randn(3, 1, 12))


def test_an_unknown_task_is_refused(model):
    inject(model, random_subspace(model, (1,)))
    with pytest.raises(StoreError, match="no resident task 'nope'"), use_tasks(model, ["nope"]):
        pass


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (("first", "absent"), "no module 'absent'"),
        (("inner",), "is a Sequential"),
    ],
)
def test_inject_refuses_what_does_not_fit_and_changes_nothing(model, targets, message):
    good = random_subspace(model, (1,))
    bases = dict.fromkeys(targets, good.bases["first"])
    with pytest.raises(StoreError, match=message):
        inject(model, Subspace(bases, {}))
    assert not any(isinstance(module, ShareLinear) for module in model.modules())


def test_inject_refuses_conv1d_whose_weight_is_transposed(model):
    subspace = random_subspace(model, (1,))
    model.first = Conv1D(20, 12)
    with pytest.raises(StoreError, match="first is a Conv1D, expected a linear layer"):
        inject(model, subspace)
    assert not any(isinstance(module, ShareLinear) for module in model.modules())


def test_inject_refuses_a_basis_of_another_shape(model):
    good = random_subspace(model, (1,))
    with pytest.raises(StoreError, match="maps 20 to 9 features, the basis 12 to 20"):
        inject(model, Subspace({"inner.0": good.bases["first"]}, {}))


def test_inject_that_fails_half_way_leaves_the_model_as_it_was(model, monkeypatch):
    made = []

    def make(base, *arguments, **options):
        if made:
            raise torch.OutOfMemoryError("no room")
        made.append(base)
        return ShareLinear(base, *arguments, **options)

    monkeypatch.setattr("sleepy_coder.share.layer.ShareLinear", make)
    with monkeypatch.context() as patch:
        patch.setattr("sleepy_coder.share.layer._share_layers", lambda _: found(model))
        with pytest.raises(torch.OutOfMemoryError):
            inject(model, random_subspace(model, (1,)))
    assert made
    assert not any(isinstance(module, ShareLinear) for module in model.modules())


def found(model):
    return {n: m for n, m in model.named_modules() if isinstance(m, ShareLinear)}


def test_inject_twice_is_refused(model):
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    with pytest.raises(StoreError, match="already"):
        inject(model, subspace)


def test_tasks_are_added_replaced_and_removed_while_serving(model):
    subspace = random_subspace(model, (1, 3))
    x = torch.randn(1, 2, 12)
    table = inject(model, Subspace(subspace.bases, {"a": subspace.tasks["t0"]}))
    with use_tasks(model, ["a"]):
        as_t0 = model(x)
        table.add({"a": subspace.tasks["t1"], "b": subspace.tasks["t0"]})
        assert torch.equal(model(x), as_t0)  # the batch under way keeps what it gathered
    with use_tasks(model, ["b"]):
        torch.testing.assert_close(model(x), as_t0)
    with use_tasks(model, ["a"]):
        assert not torch.allclose(model(x), as_t0, atol=1e-3)
    table.remove(["a"])
    assert table.names == ["b"]
    with pytest.raises(StoreError, match="'a'"), use_tasks(model, ["a"]):
        pass


def test_a_task_that_does_not_fit_leaves_the_table_as_it_was(model):
    subspace = random_subspace(model, (1,))
    table = inject(model, subspace)
    good = subspace.tasks["t0"]
    wrong = {"first": ModuleCoefficients(coef_b=torch.zeros(4, 1), coef_a=torch.zeros(4, 1))}
    nan = {
        "first": ModuleCoefficients(coef_b=torch.full((4, 1), torch.nan), coef_a=torch.ones(5, 1))
    }
    unknown = {"x": good["first"]}
    for bad, message in ((wrong, "coef_a of first"), (nan, "non-finite"), (unknown, "'x'")):
        with pytest.raises(StoreError, match=message):
            table.add({"new": good, "bad": bad})
        assert table.names == ["t0"]


def test_swapping_tasks_from_another_thread_never_shows_half_a_task(model):
    subspace = random_subspace(model, (1, 1))
    table = inject(model, Subspace(subspace.bases, {"a": subspace.tasks["t0"]}))
    x = torch.randn(1, 2, 12)
    allowed = []
    for name in ("t0", "t1"):
        table.add({"a": subspace.tasks[name]})
        with use_tasks(model, ["a"]):
            allowed.append(model(x))
    stop = threading.Event()

    def swap():
        turn = 0
        while not stop.is_set():
            table.add(
                {"a": subspace.tasks[f"t{turn % 2}"], f"other{turn % 50}": subspace.tasks["t0"]}
            )
            turn += 1

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(60):
            with use_tasks(model, ["a"]):
                got = model(x)
            assert any(torch.equal(got, value) for value in allowed)
    finally:
        stop.set()
        thread.join()


def test_1024_tasks_of_the_1_5b_take_under_50_megabytes():
    shapes = {"q": (1536, 1536), "k": (1536, 256), "v": (1536, 256), "o": (1536, 1536)}
    model = nn.Module()
    for name, (d, n) in shapes.items():
        model.add_module(name, nn.Linear(d, n, bias=False, device="meta"))
    bases = {
        name: ModuleBasis(basis_b=torch.zeros(n, 32), basis_a=torch.zeros(d, 32))
        for name, (d, n) in shapes.items()
    }
    table = TaskTable(bases)
    task = {
        n: ModuleCoefficients(coef_b=torch.ones(32, 1), coef_a=torch.ones(32, 1)) for n in shapes
    }
    for start in range(0, 1024, 64):
        table.add({f"t{i}": task for i in range(start, start + 64)})
    layers = 28
    assert len(table) == 1024
    assert table.num_bytes * layers < 50e6


def test_columns_that_tasks_begin_with_are_kept_once_and_change_no_answer(model):
    subspace = random_subspace(model, (4, 1, 2))
    common, own, other = (subspace.tasks[f"t{i}"] for i in range(3))
    tasks = {"common": common, "built": add_columns(common, own), "other": other}
    names = ["built", None, "other", "common", "late"]
    late = {"late": add_columns(common, other)}  # wider than any before: the rows are laid anew
    x = torch.randn(5, 3, 12)
    expected = None
    for kept in ("", "common"):
        table = inject(model, Subspace(subspace.bases, tasks), common=kept)
        table.add(late)
        with use_tasks(model, names):
            got = model(x)
        expected = got if expected is None else expected
        torch.testing.assert_close(got, expected)
        assert table.layout.pseudo_rank == (2 if kept else 6)
        table.remove(["built"])
        table.add({"again": tasks["built"], "built": other})
        with use_tasks(model, ["again", None, "built", "common", "late"]):
            torch.testing.assert_close(model(x), expected)
        eject(model)


def test_common_columns_that_are_ill_are_refused_and_so_are_tasks_of_no_shape(model):
    subspace = random_subspace(model, (2, 1))
    common, task = subspace.tasks["t0"], dict(subspace.tasks["t1"])
    ill = {
        module: replace(entry, coef_a=torch.full_like(entry.coef_a, torch.inf))
        for module, entry in common.items()
    }
    with pytest.raises(StoreError, match="common columns are non-finite"):
        TaskTable(subspace.bases, common=ill)
    table = TaskTable(subspace.bases, common=common)
    module = next(iter(task))
    flat = replace(task[module], coef_a=task[module].coef_a[:, 0], coef_b=task[module].coef_b[:, 0])
    with pytest.raises(StoreError, match="does not fit"):
        table.add({"t1": task | {module: flat}})
    assert len(table) == 0


def test_1024_tasks_behind_common_columns_take_hardly_more_than_their_own():
    bases = {"m": ModuleBasis(torch.zeros(64, 24), torch.zeros(64, 24))}
    common = {"m": ModuleCoefficients(torch.randn(24, 24), torch.randn(24, 24))}
    own = {"m": ModuleCoefficients(torch.randn(24, 1), torch.randn(24, 1))}
    table = TaskTable(bases, common=common)
    table.add({f"t{i}": add_columns(common, own) for i in range(1024)})
    assert table.num_bytes < 1.05 * 1024 * 2 * 24 * 4


def test_gradients_reach_only_the_tasks_of_the_batch(model):
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x", "y", "z"], pseudo_rank=2)
    with tasks.use(["x", None, "z", "x"]):
        model(torch.randn(4, 3, 12)).square().sum().backward()
    norms = tasks.rows.grad.norm(dim=1)
    assert norms[0] > 0
    assert norms[1] == 0
    assert norms[2] > 0


def test_columns_that_tasks_have_in_common_stay_and_what_is_behind_them_learns(model):
    subspace = random_subspace(model, (3,))
    common = subspace.tasks["t0"]
    table = inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x", "y"], pseudo_rank=2, common=common)
    assert tasks.rows.shape == (
        2,
        TrainableTasks(model, subspace, ["x"], pseudo_rank=2).rows.shape[1],
    )
    x = torch.randn(3, 4, 12)
    with use_tasks(model, ["t0", None, "t0"]):
        expected = model(x)
    with tasks.use(["x", None, "y"]):  # nothing is behind them yet
        torch.testing.assert_close(model(x), expected)
        model(x).square().sum().backward()
    assert (tasks.rows.grad.norm(dim=1) > 0).all()
    with torch.no_grad():
        tasks.rows += 0.1 * torch.randn(tasks.rows.shape)
    learned = tasks.task("y")
    for module, entry in columns_beyond(learned, common).items():
        assert entry.coef_a.shape[1] == entry.coef_b.shape[1] == 2
        assert torch.equal(learned[module].coef_b[:, :3], common[module].coef_b)
    table.add({"y": learned})
    with use_tasks(model, ["y"] * 3):
        served = model(x)
    with tasks.use(["y"] * 3):
        torch.testing.assert_close(model(x), served)
    assert not torch.allclose(served, expected)


def test_common_columns_stay_to_the_bit_in_a_basis_that_grows(model):
    subspace = random_subspace(model, (3,))
    common = subspace.tasks["t0"]
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x"], expansion=1, common=common)
    with torch.no_grad():
        tasks.rows += 0.1
    x = torch.randn(2, 4, 12)
    with tasks.use(["x", "x"]):
        expected = model(x)
    grown = tasks.merged_into(subspace)
    assert columns_beyond(grown.tasks["x"], grown.tasks["t0"]) is not None
    eject(model)
    inject(model, grown)
    with use_tasks(model, ["x", "x"]):
        torch.testing.assert_close(model(x), expected)


def test_a_module_that_the_start_lacks_learns_too(model):
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    (name, start), *_ = subspace.tasks.items()
    absent, *others = start
    tasks = TrainableTasks(
        model, subspace, [name], start={name: {module: start[module] for module in others}}
    )
    with tasks.use([name, name]):
        model(torch.randn(2, 3, 12)).square().sum().backward()
    learned = tasks.layout.unflatten(tasks.rows.grad[0])
    assert learned[absent].coef_b.abs().sum() > 0
    kept = tasks.layout.unflatten(tasks.rows[0])
    assert all(kept[module].coef_b.equal(start[module].coef_b) for module in others)


def test_a_mixed_batch_gives_each_task_the_gradient_it_gets_alone(model):
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x", "y"], pseudo_rank=2, scale=0.5)
    nn.init.normal_(tasks.rows, generator=torch.Generator().manual_seed(1))
    x = torch.randn(4, 3, 12)

    def gradient(names, rows):
        tasks.rows.grad = None
        with tasks.use(names):
            model(x[rows]).square().sum().backward()
        return tasks.rows.grad

    mixed = gradient(["x", "y", None, "x"], [0, 1, 2, 3])
    torch.testing.assert_close(mixed[0], gradient(["x", "x"], [0, 3])[0])
    torch.testing.assert_close(mixed[1], gradient(["y"], [1])[1])


def test_peer_defect_a_trainer_without_gradients_every_module_and_then_both_sides_learn(model):
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x"], scale=0.5)
    optimizer = torch.optim.SGD(tasks.parameters(), lr=0.05)
    x, target = torch.randn(8, 3, 12), torch.randn(8, 3, 9)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        with tasks.use(["x"] * 8):
            loss = (model(x) - target).square().mean()
            loss.backward()
        losses.append(loss.item())
        optimizer.step()
    grads = tasks.layout.views(tasks.rows.grad)
    assert all(side.abs().max() > 0 for pair in grads for side in pair)
    assert losses[-1] < losses[0]


def test_peer_defect_half_an_adapter_at_the_zero_start_a_new_task_is_the_base_model(model):
    x = torch.randn(2, 3, 12)
    base = model(x)
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x"])
    with tasks.use(["x", "x"]):
        out = model(x)
    assert torch.equal(out, base)
    coef_a, coef_b = tasks.layout.views(tasks.rows)[0]
    assert coef_a.abs().min() > 0
    assert not coef_b.any()
    out.square().sum().backward()
    assert tasks.rows.grad.abs().max() > 0  # both sides zero would be a saddle


def test_peer_defect_expansion_breaks_other_tasks_merged_directions_keep_every_delta(model):
    subspace = random_subspace(model, (1, 2))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["new"], pseudo_rank=2, expansion=2)
    optimizer = torch.optim.SGD(tasks.parameters(), lr=0.05)
    x = torch.randn(2, 3, 12)
    before = tasks.extra["first"][1].detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        with tasks.use(["new", "new"]):
            (model(x) - 1).square().sum().backward()
        assert all(side.grad is not None for pair in tasks.extra.values() for side in pair)
        optimizer.step()
    assert not torch.equal(before, tasks.extra["first"][1])
    with tasks.use(["new", "new"]):
        trained = model(x).detach()
    with use_tasks(model, ["t0", "t1"]):
        old = model(x)
    grown = tasks.merged_into(subspace)
    eject(model)
    inject(model, grown)
    with use_tasks(model, ["new", "new"]):
        torch.testing.assert_close(model(x), trained, atol=1e-4, rtol=1e-4)
    with use_tasks(model, ["t0", "t1"]):
        torch.testing.assert_close(model(x), old, atol=1e-5, rtol=1e-5)
    for basis in grown.bases.values():
        for side in (basis.basis_a, basis.basis_b):
            torch.testing.assert_close(side.T @ side, torch.eye(side.shape[1]), atol=1e-5, rtol=0)


def test_tasks_of_a_pass_share_the_extra_directions(model):
    subspace = random_subspace(model, (1,))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["x", "y"], expansion=2)
    tasks.rows.data.normal_()
    x = torch.randn(1, 3, 12)
    gradients = []
    for names in (["x", None], [None, "y"], ["x", "y"]):
        for parameter in tasks.parameters():
            parameter.grad = None
        with tasks.use(names):
            (model(torch.cat([x, x])).square().sum()).backward()
        gradients.append(tasks.extra["inner.0"][1].grad)
    assert all(gradient.abs().max() > 0 for gradient in gradients)
    torch.testing.assert_close(gradients[0] + gradients[1], gradients[2], atol=1e-4, rtol=1e-4)


def test_training_continues_from_given_coefficients(model):
    subspace = random_subspace(model, (2,))
    inject(model, subspace)
    tasks = TrainableTasks(model, subspace, ["t0"], pseudo_rank=2, start=subspace.tasks)
    for name, coef in tasks.task("t0").items():
        assert torch.equal(coef.coef_a, subspace.tasks["t0"][name].coef_a)
        assert torch.equal(coef.coef_b, subspace.tasks["t0"][name].coef_b)


def test_float32_tasks_train_over_a_bfloat16_base(model):
    model.to(torch.bfloat16)
    subspace = random_subspace(model, (1,))
    inject(model, subspace, dtype=torch.float32)
    tasks = TrainableTasks(model, subspace, ["x"])
    with tasks.use(["x"]):
        out = model(torch.randn(1, 2, 12, dtype=torch.bfloat16))
        out.float().square().sum().backward()
    assert out.dtype == torch.bfloat16
    assert tasks.rows.grad.dtype == torch.float32
    assert tasks.rows.grad.abs().max() > 0


class PackedLinear(nn.Module):
    """Stands for a quantized layer: int8 weights, no floating weight to add to."""

    def __init__(self, linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.scale = linear.weight.abs().max() / 127
        self.register_buffer("packed", (linear.weight / self.scale).round().to(torch.int8))

    def forward(self, x):
        return x @ (self.packed.to(x.dtype) * self.scale.to(x.dtype)).T


def test_a_quantized_base_layer_can_be_wrapped(model):
    subspace = random_subspace(model, (1,), targets=("first",))
    model.first = PackedLinear(model.first)
    x = torch.randn(2, 3, 12)
    expected = model.first(x) + x @ delta_weight(subspace, "t0", "first").T
    base = model.first(x)
    inject(model, subspace)
    with use_tasks(model, ["t0", None]):
        got = model.first(x)
    torch.testing.assert_close(got[0], expected[0], atol=1e-5, rtol=1e-5)
    assert torch.equal(got[1], base[1])


def test_new_batches_do_not_recompile_and_do_not_break_the_graph(model):
    inject(model, random_subspace(model, (1, 1, 1)))
    compiles = []

    def backend(graph, _inputs):
        compiles.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    x = torch.randn(2, 3, 12)
    for names in (["t0", "t1"], ["t2", "t0"], ["t1", "t1"]):
        with use_tasks(model, names), torch.no_grad():
            torch.testing.assert_close(compiled(x), model(x))
    assert len(compiles) == 1
    for names in ([None, "t1"], ["t2", None]):
        with use_tasks(model, names), torch.no_grad():
            torch.testing.assert_close(compiled(x), model(x))
    assert len(compiles) == 2


@pytest.fixture
def tiny_qwen():
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
        eos_token_id=None,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config).eval()


def qwen_subspace(model, ranks=(1, 1, 1), strength=1.0):
    targets = [
        name for name, _ in model.named_modules() if name.endswith(("q_proj", "v_proj", "o_proj"))
    ]
    subspace = random_subspace(model, ranks, targets=targets)
    scaled = {
        task: {
            name: ModuleCoefficients(coef_b=coef.coef_b * strength, coef_a=coef.coef_a)
            for name, coef in modules.items()
        }
        for task, modules in subspace.tasks.items()
    }
    return Subspace(subspace.bases, scaled)


def test_generate_with_cache_and_left_padding_gives_each_row_what_it_gets_alone(tiny_qwen):
    subspace = qwen_subspace(tiny_qwen)
    prompts = [[5, 9, 33, 12, 7], [8, 3], [41, 17, 2]]
    names = ["t1", None, "t2"]
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    options = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
    alone = []
    for prompt, name in zip(prompts, names, strict=True):
        plain = merged(tiny_qwen, subspace, name)
        row = torch.tensor([prompt])
        alone.append(
            plain.generate(row, attention_mask=torch.ones_like(row), **options)[0, len(prompt) :]
        )
    base = tiny_qwen.generate(ids, attention_mask=mask, **options)[:, width:]
    inject(tiny_qwen, subspace)
    with use_tasks(tiny_qwen, names):
        got = tiny_qwen.generate(ids, attention_mask=mask, **options)[:, width:]
    assert torch.equal(got, torch.stack(alone))
    assert not torch.equal(got[0], base[0])
    assert torch.equal(got[1], base[1])
