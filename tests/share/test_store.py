"""The store on disk: whole, hashed, versioned, and the same subspace after a round trip."""

import json
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.merge import merge
from sleepy_coder.share.store import exclusive, load_store, save_store
from sleepy_coder.share.subspace import LoraModule, ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import add_columns, columns_beyond, delta_weight, remove_task


class MemoryAdapter:
    """An AdapterSource with random factors."""

    def __init__(self, name, seed):
        generator = torch.Generator().manual_seed(seed)
        self.name = name
        self.modules = {
            module: LoraModule(
                a=torch.randn(3, 12, generator=generator),
                b=torch.randn(10, 3, generator=generator),
                scaling=0.5,
            )
            for module in ("layers.0.q", "layers.1.q")
        }

    def module_names(self):
        return tuple(self.modules)

    def load_module(self, name):
        return self.modules[name]


def a_store(num_tasks=2, seed=0, **fields):
    adapters = [MemoryAdapter(f"task-{i}", seed + i) for i in range(num_tasks)]
    subspace = init_subspace(adapters, InitOptions(choice=FixedComponents(4), pseudo_rank=2))
    return Store(subspace, **fields)


def assert_same_tensors(first, second):
    assert list(first.bases) == list(second.bases)
    assert set(first.tasks) == set(second.tasks)
    for module, basis in first.bases.items():
        assert torch.equal(basis.basis_a, second.bases[module].basis_a)
        assert torch.equal(basis.basis_b, second.bases[module].basis_b)
    for name, task in first.tasks.items():
        for module, coef in task.items():
            assert torch.equal(coef.coef_a, second.tasks[name][module].coef_a)
            assert torch.equal(coef.coef_b, second.tasks[name][module].coef_b)


def test_round_trip_keeps_every_bit_and_what_merging_needs(tmp_path):
    provenance = {"task-0": {"source": "adapters/one", "steps": 80}}
    store = a_store(base_model="org/model", provenance=provenance)
    save_store(store, tmp_path / "s")
    loaded = load_store(tmp_path / "s")
    assert_same_tensors(store.subspace, loaded.subspace)
    assert loaded.base_model == "org/model"
    assert loaded.provenance == {**provenance, "task-1": {}}
    assert len(loaded.sha256) == 64
    newcomer = MemoryAdapter("new", 9)
    expected = merge(store.subspace, [newcomer], pseudo_rank=2).subspace
    got = merge(loaded.subspace, [newcomer], pseudo_rank=2).subspace
    for module in expected.bases:
        torch.testing.assert_close(
            delta_weight(got, "new", module), delta_weight(expected, "new", module)
        )
    for module, known in store.subspace.moments.items():
        assert loaded.subspace.moments[module].a.count == known.a.count
        assert loaded.subspace.moments[module].b.energy == known.b.energy


def test_k_may_differ_by_side_and_module_p_by_task_and_modules_be_absent(tmp_path):
    bases = {
        "x": ModuleBasis(basis_b=torch.eye(7)[:, :3], basis_a=torch.eye(9)[:, :2]),
        "y": ModuleBasis(basis_b=torch.eye(5)[:, :1], basis_a=torch.eye(5)[:, :4]),
    }
    tasks = {
        "wide": {"x": ModuleCoefficients(coef_b=torch.rand(3, 2), coef_a=torch.rand(2, 2))},
        "none": {},
        "both": {
            "x": ModuleCoefficients(coef_b=torch.rand(3, 1), coef_a=torch.rand(2, 1)),
            "y": ModuleCoefficients(coef_b=torch.rand(1, 1), coef_a=torch.rand(4, 1)),
        },
    }
    store = Store(Subspace(bases, tasks, objective="product", is_centered=True))
    save_store(store, tmp_path / "s")
    loaded = load_store(tmp_path / "s").subspace
    assert_same_tensors(store.subspace, loaded)
    assert (loaded.moments, loaded.objective, loaded.is_centered) == (None, "product", True)
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text())
    assert manifest["components"] == {"x": {"a": 2, "b": 3}, "y": {"a": 4, "b": 1}}
    assert manifest["pseudo_rank"] == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_dtypes_survive(tmp_path, dtype):
    basis = ModuleBasis(basis_b=torch.eye(4, dtype=dtype), basis_a=torch.eye(4, dtype=dtype))
    save_store(Store(Subspace({"x": basis}, {})), tmp_path / "s")
    assert load_store(tmp_path / "s").subspace.bases["x"].basis_a.dtype == dtype


def test_peer_defect_bfloat16_stores_are_half_the_size(tmp_path):
    for dtype in (torch.float32, torch.bfloat16):
        basis = ModuleBasis(
            basis_b=torch.rand(512, 32).to(dtype), basis_a=torch.rand(512, 32).to(dtype)
        )
        save_store(Store(Subspace({"x": basis}, {})), tmp_path / str(dtype))
    full, half = (
        (tmp_path / name / "basis.safetensors").stat().st_size
        for name in ("torch.float32", "torch.bfloat16")
    )
    assert half < 0.51 * full


def test_peer_defect_task_names_survive_and_hostile_ones_are_refused(tmp_path):
    task = {}
    basis = {"x": ModuleBasis(basis_b=torch.eye(3), basis_a=torch.eye(3))}
    names = ["mut_borrow-conflict.v2", "_a", "9"]
    save_store(Store(Subspace(basis, dict.fromkeys(names, task))), tmp_path / "s")
    assert set(load_store(tmp_path / "s").subspace.tasks) == set(names)
    for name in ("../x", "a/b", "", ".hidden", "a b", "x" * 101, "a\\b", "nul\0", "end.", "ü"):
        with pytest.raises(StoreError, match="cannot be a file name"):
            save_store(Store(Subspace(basis, {name: task})), tmp_path / "bad")
        assert not (tmp_path / "bad").exists()


def test_names_that_differ_only_in_case_are_refused(tmp_path):
    basis = {"x": ModuleBasis(basis_b=torch.eye(3), basis_a=torch.eye(3))}
    with pytest.raises(StoreError, match="only in case"):
        save_store(Store(Subspace(basis, {"Task": {}, "task": {}})), tmp_path / "s")


@pytest.mark.parametrize(
    "path",
    [
        "/srv/adapters/one",
        "C:\\adapters",
        "~/adapters",
        "file:///srv/x",
        "file:/srv",
        "sftp:///srv/x",
        "trained from file:///srv/x",
        "read from /srv/adapters and averaged",
        "root=/srv/adapters",
        "root:/srv/adapters",
        "see (/srv/adapters/one)",
        "copied from D:/adapters",
        "copied from c:\\adapters",
        "copied from \\\\host\\share",
        "kept in ~/adapters",
    ],
)
def test_peer_defect_no_absolute_path_gets_into_a_store(tmp_path, path):
    for known in ({"from": [path]}, {"from": (path,)}, {"by": {path: 1}}, {path: "one"}):
        with pytest.raises(StoreError, match="absolute path"):
            save_store(a_store(provenance={"task-0": known}), tmp_path / "s")
    save_store(a_store(), tmp_path / "ok")
    everything = b"".join(file.read_bytes() for file in (tmp_path / "ok").rglob("*.*"))
    assert str(tmp_path).encode() not in everything


@pytest.mark.parametrize(
    "text",
    [
        "org/model",
        "https://example.org/adapters/one",
        "adapters/one/two",
        "./adapters/one",
        "80 steps / 3 epochs",
        "tokens/s and 1/2 or 3/4/5",
        "either /or",
        "ratio 3:4, the file: none",
        "about ~80 % solved",
    ],
)
def test_texts_without_an_absolute_path_are_kept(tmp_path, text):
    known = {"task-0": {text: text}, "task-1": {}}
    save_store(a_store(provenance=known), tmp_path / "s")
    assert load_store(tmp_path / "s").provenance == known


def test_a_failed_save_leaves_the_old_store_and_no_litter(tmp_path, monkeypatch):
    old = a_store()
    save_store(old, tmp_path / "s")

    def full_disk(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sleepy_coder.share.store.render_manifest", full_disk)
    with pytest.raises(StoreError, match="cannot be written: No space"):
        save_store(a_store(seed=50), tmp_path / "s")
    assert_same_tensors(load_store(tmp_path / "s").subspace, old.subspace)
    assert [entry.name for entry in tmp_path.iterdir()] == ["s"]


def test_a_full_disk_is_said_in_one_line(tmp_path):
    resource = pytest.importorskip("resource")
    save_store(a_store(), tmp_path / "s")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))
    try:
        with pytest.raises(StoreError, match="s: cannot be written: "):
            save_store(a_store(seed=1), tmp_path / "s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    assert_same_tensors(load_store(tmp_path / "s").subspace, a_store().subspace)


def test_where_names_cannot_be_exchanged_a_failed_save_puts_the_old_store_back(
    tmp_path, monkeypatch
):
    save_store(a_store(), tmp_path / "s")
    monkeypatch.setattr("sleepy_coder.share.files.sys.platform", "elsewhere")
    real = Path.rename

    def rename(self, target):
        if Path(target) == tmp_path / "s" and self.name != "store":
            raise OSError("the disk went away")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(StoreError, match="the disk went away"):
        save_store(a_store(seed=1), tmp_path / "s")
    assert_same_tensors(load_store(tmp_path / "s").subspace, a_store().subspace)


def test_a_place_that_is_not_a_store_is_not_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one").write_text("precious")
    with pytest.raises(StoreError, match="is not a store"):
        save_store(a_store(), tmp_path / "photos")
    assert (tmp_path / "photos" / "one").read_text() == "precious"


@pytest.mark.parametrize("name", ["README.md", ".git/config", "coefficients/notes.txt"])
def test_what_is_no_part_of_a_store_is_not_deleted_with_it(tmp_path, name):
    path = tmp_path / "s"
    save_store(a_store(), path)
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("precious")
    with pytest.raises(StoreError, match=f"holds {name}, which is no part of a store"):
        save_store(a_store(seed=50), path)
    assert (path / name).read_text() == "precious"
    (path / name).unlink()
    save_store(a_store(seed=50), path)


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file/s: cannot be written"):
        save_store(a_store(), tmp_path / "file" / "s")
    with pytest.raises(StoreError, match="cannot be written"), exclusive(tmp_path / "file" / "s"):
        pass


def test_who_writes_a_store_waits_for_who_reads_it_to_write(tmp_path):
    told = []

    def write():
        with exclusive(tmp_path / "s"):
            told.append("second")

    with exclusive(tmp_path / "s"):
        other = threading.Thread(target=write)
        other.start()
        time.sleep(0.1)
        told.append("first")
    other.join()
    assert told == ["first", "second"]


def test_a_reader_sees_the_old_store_or_the_new_one_never_half(tmp_path):
    stores = [a_store(seed=0), a_store(seed=50, num_tasks=3)]
    save_store(stores[0], tmp_path / "s")
    stop = threading.Event()

    def write():
        turn = 1
        while not stop.is_set():
            save_store(stores[turn % 2], tmp_path / "s")
            turn += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(25):
            loaded = load_store(tmp_path / "s").subspace
            assert_same_tensors(loaded, stores[len(loaded.tasks) - 2].subspace)
    finally:
        stop.set()
        writer.join()


def test_a_store_that_is_replaced_stays_valid_for_who_has_it_open(tmp_path):
    old = a_store(seed=0)
    save_store(old, tmp_path / "s")
    opened = load_store(tmp_path / "s").subspace
    save_store(a_store(seed=50), tmp_path / "s")
    assert_same_tensors(opened, old.subspace)


def built_on_common(**fields):
    """A store of three tasks, two of which begin with the first one's columns."""
    subspace = a_store(3).subspace
    common, first, second = subspace.tasks.items()
    built = {name: add_columns(common[1], own) for name, own in (first, second)}
    tasks = {common[0]: common[1], **built}
    return Store(replace(subspace, tasks=tasks, moments=None), **fields)


def sizes_of_tasks(path):
    files = (path / "coefficients").iterdir()
    return {file.stem: sum(t.numel() for t in load_file(file).values()) for file in files}


def test_of_tasks_with_common_columns_only_their_own_are_written(tmp_path):
    whole, short = built_on_common(), built_on_common(common="task-0")
    save_store(whole, tmp_path / "whole")
    save_store(short, tmp_path / "short")
    before, after = sizes_of_tasks(tmp_path / "whole"), sizes_of_tasks(tmp_path / "short")
    assert before["task-0"] == after["task-0"] == after["task-1"] < before["task-1"]
    read = load_store(tmp_path / "short")
    assert read.common == "task-0"
    assert_same_tensors(read.subspace, whole.subspace)
    save_store(read, tmp_path / "again")
    assert sizes_of_tasks(tmp_path / "again") == after


def test_a_task_is_whole_where_it_does_not_begin_with_the_common_columns(tmp_path):
    store = built_on_common(common="task-0")
    tasks = {**store.subspace.tasks, "task-2": a_store(3).subspace.tasks["task-2"]}
    kept = replace(store, subspace=replace(store.subspace, tasks=tasks))
    save_store(kept, tmp_path / "store")
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    assert (manifest["common"], manifest["short"]) == ("task-0", ["task-1"])
    assert_same_tensors(load_store(tmp_path / "store").subspace, kept.subspace)


def test_the_common_task_is_known_before_any_is_built_on_it(tmp_path):
    store = built_on_common(common="task-0")
    alone = {"task-0": store.subspace.tasks["task-0"]}
    save_store(replace(store, subspace=replace(store.subspace, tasks=alone)), tmp_path / "store")
    assert load_store(tmp_path / "store").common == "task-0"


def test_without_the_common_task_the_others_are_whole(tmp_path):
    store = built_on_common(common="task-0")
    alone = replace(store, subspace=remove_task(store.subspace, "task-0"))
    save_store(alone, tmp_path / "store")
    read = load_store(tmp_path / "store")
    assert read.common == ""
    assert_same_tensors(read.subspace, alone.subspace)


@pytest.mark.parametrize(
    ("common", "short"),
    [
        ("none", ["task-1"]),
        ("task-0", ["none"]),
        ("task-0", [["task-1"]]),
        ("task-0", ["task-0"]),
        ("task-0", ["task-1", "task-1"]),
        ("", ["task-1"]),
        ({}, []),
    ],
)
def test_common_columns_of_no_whole_task_are_refused(tmp_path, common, short):
    save_store(built_on_common(common="task-0"), tmp_path / "store")
    path = tmp_path / "store" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "common": common, "short": short}))
    with pytest.raises(StoreError, match=r"common|short"):
        load_store(tmp_path / "store")


def test_a_store_of_the_version_before_is_read(tmp_path):
    store = a_store()
    save_store(store, tmp_path / "store")
    path = tmp_path / "store" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["common"], manifest["short"]
    path.write_text(json.dumps({**manifest, "schema_version": 2}))
    assert_same_tensors(load_store(tmp_path / "store").subspace, store.subspace)


def test_what_does_not_begin_with_columns_has_nothing_beyond_them():
    common, other, _ = a_store(3).subspace.tasks.values()
    assert columns_beyond(other, common) is None
    assert columns_beyond(add_columns(common, other), common).keys() == other.keys()
    assert columns_beyond(common, common) == {}
    assert columns_beyond({}, common) is None
    half = {m: ModuleCoefficients(e.coef_b.half(), e.coef_a.half()) for m, e in common.items()}
    assert columns_beyond(half, common) is None
