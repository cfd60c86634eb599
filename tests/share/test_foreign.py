"""Stores that vlora-dev and lorashare themselves wrote, and forged ones.

`foreign/` keeps what vlora-dev 1.0.0 and lorashare 0.1.3 wrote; where they are installed, they
write it once more.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share.choice import ErrorBudget
from sleepy_coder.share.foreign import open_lorashare, open_vlora
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.tasks import delta_weight

KEPT = Path(__file__).parent / "foreign"
MODULES = ("model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj")


def write_adapters(folder, mean, count=3, rank=2, alpha=6):
    """Write PEFT adapters whose factors are multiples of one draw, about a mean."""
    generator = torch.Generator().manual_seed(0)
    common = {
        (module, side): torch.randn(shape, generator=generator)
        for module in MODULES
        for side, shape in (("A", (rank, 12)), ("B", (10, rank)))
    }
    paths = []
    for index in range(count):
        tensors = {
            f"base_model.model.{module}.lora_{side}.weight": (mean + index - (count - 1) / 2)
            * value
            for (module, side), value in common.items()
        }
        path = folder / f"task{index}"
        path.mkdir(parents=True)
        save_file(tensors, path / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ["q_proj"]}
        (path / "adapter_config.json").write_text(json.dumps(config))
        paths.append(path)
    return paths


def original_delta(path, module, scaling):
    tensors = load_file(path / "adapter_model.safetensors")
    prefix = f"base_model.model.{module}"
    a, b = (tensors[f"{prefix}.lora_{side}.weight"] for side in "AB")
    return scaling * b @ a


def write_with_vlora(paths, out):
    vlora = pytest.importorskip("vlora")
    adapters = [vlora.load_adapter(path) for path in paths]
    names = [path.name for path in paths]
    vlora.SharedSubspace.from_adapters(adapters, task_ids=names, num_components=2).save(out)


def write_with_lorashare(paths, out):
    lorashare = pytest.importorskip("lorashare")
    model = lorashare.SHAREModel.from_adapters([str(path) for path in paths], num_components=4)
    model.save_pretrained(out)


def make_store(folder, tool, mean, write, *, is_kept):
    """Return a store in a folder of its own, and the adapters that went into it."""
    paths = write_adapters(folder / "adapters", mean=mean)
    if is_kept:
        shutil.copytree(KEPT / tool, folder / tool)
    else:
        write(paths, folder / tool)
    return folder / tool, paths


@pytest.fixture(params=["kept", "written"])
def vlora_store(tmp_path, request):
    is_kept = request.param == "kept"
    return make_store(tmp_path, "vlora", 0.7, write_with_vlora, is_kept=is_kept)


@pytest.fixture(params=["kept", "written"])
def lorashare_store(tmp_path, request):  # with a mean of 0: it would drop any other
    is_kept = request.param == "kept"
    return make_store(tmp_path, "lorashare", 0.0, write_with_lorashare, is_kept=is_kept)


def assert_tasks_are(sources, paths, scaling, tolerance):
    assert sorted(source.name for source in sources) == sorted(path.name for path in paths)
    subspace = init_subspace(sources, InitOptions(choice=ErrorBudget(1e-6)))
    for path in paths:
        for module in MODULES:
            expected = original_delta(path, module, scaling)
            got = delta_weight(subspace, path.name, module)
            torch.testing.assert_close(got, expected, atol=tolerance, rtol=tolerance)


def test_vlora_tasks_are_the_adapters_that_went_in(vlora_store):
    store, paths = vlora_store
    assert_tasks_are(open_vlora(store, scaling=3.0), paths, 3.0, 1e-4)


def test_lorashare_tasks_are_the_adapters_that_went_in(lorashare_store):
    store, paths = lorashare_store
    assert_tasks_are(open_lorashare(store), paths, 3.0, 1e-4)


def load_all(store):
    return [source.load_module(MODULES[0]) for source in open_vlora(store, scaling=1.0)]


@pytest.mark.parametrize(
    "change",
    [
        {"task_ids": ["../../secret"]},
        {"task_ids": 3},
        {"task_filenames": {"task0": "../../secret"}},
        {"layer_names": [1]},
        {"shapes_a": {}},
        {"shapes_a": {module: [10**9, 10**9] for module in MODULES}},
        {"format": "nf4_packed"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_forged_vlora_stores_are_refused(vlora_store, change):
    store, _ = vlora_store
    file = store / "subspace_meta.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(StoreError):
        load_all(store)


def test_forged_lorashare_stores_are_refused(lorashare_store):
    store, _ = lorashare_store
    file = store / "share_config.json"
    whole = json.loads(file.read_text())
    for names in ("task0", [3], ["../adapters/task0"]):
        file.write_text(json.dumps({**whole, "adapter_names": names}))
        with pytest.raises(StoreError):
            open_lorashare(store)
    file.write_text(json.dumps(whole))
    meta = store / "adapters" / "task0" / "adapter_meta.json"
    meta.write_text(json.dumps({"original_config": {"r": 2}}))
    with pytest.raises(StoreError, match="lacks r and lora_alpha"):
        open_lorashare(store)


def test_other_folders_are_no_foreign_stores(tmp_path):
    with pytest.raises(StoreError, match=r"subspace_meta\.json"):
        open_vlora(tmp_path, scaling=1.0)
    with pytest.raises(StoreError, match=r"share_config\.json"):
        open_lorashare(tmp_path)
