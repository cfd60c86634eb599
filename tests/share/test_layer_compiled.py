"""Share layers compiled for the processor by inductor, torch.compile's own backend."""

import os
import shutil

import pytest
import torch
from test_layer import TwoLayers, random_subspace

from sleepy_coder.share.layer import inject, use_tasks
from sleepy_coder.share.subspace import ModuleCoefficients, Subspace
from tiny_model import make_hf_model

COMPILER = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler"),
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),  # inductor's own use
]
MIXED = (["t0", None, "t1"], ["t2", None, "t0"], [None, "t1", "t1"], ["t2", "t0", None])


@pytest.fixture
def num_graphs():
    """How many graphs were compiled since the test began."""
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    yield lambda: counters["stats"]["unique_graphs"]
    torch._dynamo.reset()


@pytest.mark.parametrize("ranks", [(1, 1, 1), (1, 3, 2)], ids=["p1", "mixed-p"])
@torch.no_grad()
def test_inductor_gives_what_eager_gives_and_new_tasks_do_not_recompile(num_graphs, ranks):
    torch.manual_seed(0)
    model = TwoLayers()
    base = model(x := torch.randn(3, 5, 12))
    inject(model, random_subspace(model, ranks))
    compiled = torch.compile(model, fullgraph=True)
    for names in MIXED:
        with use_tasks(model, names):
            expected, got = model(x), compiled(x)
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
        assert all(
            torch.allclose(row, alone, atol=1e-5) == (name is None)
            for name, row, alone in zip(names, got, base, strict=True)
        )
    assert num_graphs() == 1
    for names in (["t0", None, None], [None, None, "t2"]):  # another number of rows with a task
        with use_tasks(model, names):
            torch.testing.assert_close(compiled(x), model(x), atol=1e-5, rtol=1e-5)
        assert num_graphs() == 2


@torch.no_grad()
def test_inductor_compiles_a_whole_model_once_for_all_mixed_batches(num_graphs):
    model = make_hf_model(vocab_size=64).eval()
    targets = [name for name, _ in model.named_modules() if name.endswith(("q_proj", "o_proj"))]
    subspace = random_subspace(model, (1, 2, 1), targets=targets)
    weak = {
        task: {
            name: ModuleCoefficients(0.3 * entry.coef_b, entry.coef_a)
            for name, entry in modules.items()
        }
        for task, modules in subspace.tasks.items()
    }
    inject(model, Subspace(subspace.bases, weak))
    ids = torch.tensor([[5, 9, 33, 12, 7], [8, 3, 21, 2, 40], [41, 17, 2, 60, 11]])
    base = model(ids).logits
    compiled, counts = torch.compile(model), []
    for names in MIXED:
        with use_tasks(model, names):
            expected, got = model(ids).logits, compiled(ids).logits
        torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)
        changes = (expected - base).abs().amax(dim=(1, 2))
        assert all((c > 0.1) == (n is not None) for c, n in zip(changes, names, strict=True))
        counts.append(num_graphs())
    assert counts == [1] * len(MIXED)
