"""`sleepy share`, from PEFT adapters on disk to adapters on disk."""

import json

import gguf
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from sleepy_coder.cli import main
from sleepy_coder.cli.progress import counted
from sleepy_coder.share.files import sha256_of
from sleepy_coder.share.peft_io import PeftAdapter
from sleepy_coder.share.store import load_store
from sleepy_coder.share.tasks import delta_weight

torch.set_num_threads(1)  # more only wait for each other at these sizes

# 1.5B-like: hidden 48, 4 heads of 12, 2 key-value heads
CONFIG = {
    "model_type": "qwen2",
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
}
SHAPES = {"q_proj": (48, 48), "k_proj": (24, 48), "o_proj": (48, 48)}
MODULES = {
    f"model.layers.{layer}.self_attn.{name}": shape
    for layer in (0, 1)
    for name, shape in SHAPES.items()
}

TASKS = ("t0", "t1", "t2")


def write_adapter(path, seed, rank=4, alpha=8, *, zeros=(), spread=False, modules=MODULES):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for module, (n, d) in modules.items():
        prefix = f"base_model.model.{module}"
        tensors[f"{prefix}.lora_A.weight"] = torch.randn(rank, d, generator=generator)
        tensors[f"{prefix}.lora_B.weight"] = torch.randn(n, rank, generator=generator)
    if spread:  # columns of B that A's rows make up for
        scales = torch.tensor([1.0, 3.0, 10.0, 30.0])[:rank]
        for key, tensor in tensors.items():
            tensor.mul_(1 / scales[:, None] ** 1.5 if "lora_A" in key else scales)
    for key, tensor in tensors.items():
        tensor.mul_(not any(part in key for part in zeros))
    path.mkdir(parents=True)
    save_file(tensors, path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": list(SHAPES)}
    config["base_model_name_or_path"] = "/somewhere/private/tiny-base"
    (path / "adapter_config.json").write_text(json.dumps(config))


@pytest.fixture
def adapters(tmp_path):
    folder = tmp_path / "adapters"
    for index, name in enumerate(("one", "two", "three")):
        write_adapter(folder / name, index)
    return folder


def share(*arguments, code=0):
    result = CliRunner().invoke(main, ["share", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def as_json(*arguments, code=0):
    return json.loads(share(*arguments, "--json", code=code).stdout)


@pytest.fixture
def store(adapters, tmp_path):
    share("init", adapters, "--components", 12, "--out", tmp_path / "store")
    return tmp_path / "store"


@pytest.mark.parametrize("options", [[], ["--pseudo-rank", 2], ["--objective", "product"]])
@pytest.mark.parametrize("zeros", [["0.self_attn.q_proj.lora_B"], ["lora_B"], ["lora_A"]])
def test_a_factor_of_zeros_survives_every_command(tmp_path, zeros, options):
    for seed, name in enumerate(("one", "two")):
        write_adapter(tmp_path / "in" / name, seed, zeros=zeros)
    store = tmp_path / "s"
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    share("init", tmp_path / "in", "--components", 16, "--out", store, *options)
    assert as_json("info", store)["modules"] == len(MODULES)
    assert as_json("check", store, "--config", tmp_path / "config.json")["is_sound"] is True
    assert len(as_json("compare", store, store)["rows"]) == len(MODULES)
    share("export", store, "one", "--out", tmp_path / "back")
    for module in MODULES:
        got = peft_delta(tmp_path / "back", module)
        expected = peft_delta(tmp_path / "in" / "one", module)
        if "--pseudo-rank" not in options or not expected.any():
            torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)
    write_adapter(tmp_path / "three", 7)
    share("project", store, tmp_path / "three", "--out", tmp_path / "p")
    share("merge", store, tmp_path / "three", "--components", 20, "--out", tmp_path / "m")
    assert len(load_store(tmp_path / "m").subspace.tasks) == len(("one", "two", "three"))


def run_each(adapters, tmp_path, environment=None):
    """Return what init, project and merge wrote to stderr, by command."""
    write_adapter(tmp_path / "new" / "four", 11)
    write_adapter(tmp_path / "new" / "five", 12)
    store = tmp_path / "seen"
    commands = {
        "init": [adapters, "--components", 12, "--out", store],
        "project": [store, tmp_path / "new", "--out", tmp_path / "p"],
        "merge": [store, tmp_path / "new", "--out", tmp_path / "m"],
    }
    told = {}
    for name, arguments in commands.items():
        words = ["share", name, *map(str, arguments), "--json"]
        result = CliRunner(env=environment).invoke(main, words)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["tasks"] >= 3
        told[name] = result.stderr
    return told


def test_progress_is_plain_lines_without_a_terminal(adapters, tmp_path):
    told = run_each(adapters, tmp_path, {"FORCE_COLOR": None, "TTY_COMPATIBLE": None})
    modules = "".join(f"modules: {done} of 6\n" for done in range(1, 7))
    assert told["init"] == told["merge"] == modules
    assert told["project"] == "adapters: 1 of 2\nadapters: 2 of 2\n"


def test_progress_is_a_bar_in_a_terminal(adapters, tmp_path):
    told = run_each(adapters, tmp_path, {"FORCE_COLOR": "1", "TERM": "xterm"})
    for name, count in (("init", "6/6"), ("project", "2/2"), ("merge", "6/6")):
        assert "━" in told[name]
        assert count in told[name]
        assert " of " not in told[name]


def test_long_work_tells_of_every_tenth(capsys):
    with counted("steps", 1000) as advance:
        for _ in range(1000):
            advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"steps: {done} of 1000" for done in range(100, 1001, 100)]


def test_init_and_export_tell_what_they_wrote_as_json(adapters, tmp_path):
    store = tmp_path / "s"
    told = as_json("init", adapters, "--components", 12, "--out", store)
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    assert told == {"store": str(store), "tasks": 3, "modules": 6, "bytes": size, "rows": []}
    back = tmp_path / "back"
    told = as_json("export", store, "two", "--out", back)
    assert told == {"wrote": str(back), "format": "peft", "rows": []}


def peft_delta(path, module):
    lora = PeftAdapter(path).load_module(module)
    return lora.scaling * lora.b @ lora.a


def test_init_then_export_gives_the_adapters_back(store, adapters, tmp_path):
    share("export", store, "two", "--out", tmp_path / "back")
    for module in MODULES:
        torch.testing.assert_close(
            peft_delta(tmp_path / "back", module),
            peft_delta(adapters / "two", module),
            atol=1e-3,
            rtol=1e-3,
        )


def test_export_onto_the_store_or_its_folder_is_refused_and_keeps_them(store, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    for place in (store, tmp_path):
        result = share("export", store, "two", "--out", place, code=1)
        assert "exists and is not a PEFT adapter" in result.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert load_store(store).subspace.tasks


def test_init_records_the_model_and_no_path(store):
    loaded = load_store(store)
    assert loaded.base_model == "tiny-base"
    assert loaded.provenance["one"] == {"adapter": "one", "format": "peft"}
    assert "somewhere" not in (store / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("options", "largest"),
    [
        (["--components", 3], 3),
        (["--variance", 0.3], 11),
        (["--error", 0.5], 12),
        (["--bytes", 20_000], 11),
        (["--components", 2, "--center"], 3),
        (["--components", 5, "--objective", "product", "--pseudo-rank", 1], 5),
    ],
)
def test_init_chooses_k_as_asked(adapters, tmp_path, options, largest):
    share("init", adapters, "--out", tmp_path / "s", *options)
    bases = load_store(tmp_path / "s").subspace.bases
    assert 1 <= max(basis.basis_a.shape[1] for basis in bases.values()) <= largest


@pytest.mark.parametrize("options", [[], ["--objective", "product"]])
def test_init_with_an_error_keeps_every_modules_change_within_it(tmp_path, options):
    for seed, alpha in enumerate((4, 8, 16)):
        write_adapter(tmp_path / "in" / f"t{seed}", seed, alpha=alpha, spread=True)
    share("init", tmp_path / "in", "--error", 0.3, "--out", tmp_path / "s", *options)
    subspace = load_store(tmp_path / "s").subspace
    assert subspace.objective == "product"
    for module in MODULES:
        wanted = torch.stack([peft_delta(tmp_path / "in" / task, module) for task in TASKS])
        got = torch.stack([delta_weight(subspace, task, module) for task in TASKS])
        assert 0.01 < float((wanted - got).norm() / wanted.norm()) <= 0.3


def test_an_error_with_the_objective_that_does_not_bound_it_is_refused(store, adapters, tmp_path):
    out = ["--out", tmp_path / "x"]
    share("init", adapters, "--error", 0.3, "--variance", 0.5, *out, code=2)
    for command in (
        ["init", adapters, "--error", 0.3, "--objective", "factors"],
        ["merge", store, adapters / "one", "--error", 0.3],
    ):
        result = share(*command, *out, code=2)
        assert result.stderr.count("\n") == 1
        assert "objective factors does not" in result.stderr
    assert not (tmp_path / "x").exists()


def test_project_adds_a_task_and_leaves_the_basis(store, tmp_path):
    basis = sha256_of(store / "basis.safetensors")
    write_adapter(tmp_path / "new", 9)
    rows = as_json("project", store, tmp_path / "new", "--pseudo-rank", 2)["rows"]
    assert rows[0]["task"] == "new"
    assert 0.5 < rows[0]["relative_error"] < 1  # random directions: the basis misses most
    assert sha256_of(store / "basis.safetensors") == basis
    task = load_store(store).subspace.tasks["new"]
    assert {entry.coef_a.shape[1] for entry in task.values()} == {2}


@pytest.mark.parametrize("pseudo_rank", [1, 2, 4])
def test_project_tells_the_error_of_what_it_stored_as_merge_does(store, adapters, pseudo_rank):
    write_adapter(adapters.parent / "inside", 0)  # the same numbers as adapter "one"
    adapter, tree = adapters.parent / "inside", adapters.parent
    options = [adapter, "--pseudo-rank", pseudo_rank]
    (row,) = as_json("project", store, *options, "--out", tree / "p")["rows"]
    stored = load_store(tree / "p").subspace
    wanted = torch.cat([peft_delta(adapter, module).flatten() for module in MODULES])
    got = torch.cat([delta_weight(stored, "inside", module).flatten() for module in MODULES])
    error = float((wanted - got).norm() / wanted.norm())
    assert row["relative_error"] == pytest.approx(error, abs=1e-5)
    assert (error > 0.3) == (pseudo_rank < 4)
    merged = as_json("merge", store, *options, "--out", tree / "m")["rows"]
    (loss,) = (line["relative_error"] for line in merged if line["task"] == "inside")
    assert loss == pytest.approx(error, abs=1e-3)


def test_merge_takes_new_directions_in_and_old_tasks_keep(store, adapters, tmp_path):
    write_adapter(tmp_path / "new", 9)
    result = as_json("merge", store, tmp_path / "new", "--components", 16, "--out", tmp_path / "m")
    assert result["tasks"] == 4
    merged = load_store(tmp_path / "m").subspace
    for name, source in (("new", tmp_path / "new"), ("one", adapters / "one")):
        for module in MODULES:
            torch.testing.assert_close(
                delta_weight(merged, name, module),
                peft_delta(source, module),
                atol=1e-2,
                rtol=1e-2,
            )
    assert "new" not in load_store(store).subspace.tasks


def test_export_to_gguf(store, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    out = tmp_path / "one.gguf"
    share(
        "export", store, "one", "--format", "gguf", "--config", tmp_path / "config.json",
        "--out", out,
    )  # fmt: skip
    assert len(gguf.GGUFReader(out).tensors) == 2 * len(MODULES)
    share("export", store, "one", "--format", "gguf", "--out", out, code=2)


def test_export_to_gguf_makes_the_directory_and_replaces_none(store, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    options = ["--format", "gguf", "--config", tmp_path / "config.json"]
    out = tmp_path / "new" / "folder" / "one.gguf"
    share("export", store, "one", *options, "--out", out)
    assert gguf.GGUFReader(out).tensors
    share("export", store, "one", *options, "--out", out)  # its own kind may be replaced
    result = share("export", store, "one", *options, "--out", store, code=1)
    assert "is a directory; give the name of a file" in result.stderr
    assert load_store(store).subspace.tasks
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    result = share("export", store, "one", *options, "--out", thesis, code=1)
    assert "exists and is no GGUF file" in result.stderr
    assert thesis.read_text() == "years of work"


def test_info_compares_storage_with_lora(adapters, tmp_path):
    share("init", adapters, "--components", 6, "--pseudo-rank", 1, "--out", tmp_path / "s")
    got = as_json("info", tmp_path / "s")
    assert [row["task"] for row in got["rows"]] == ["one", "three", "two"]
    lora = 4 * 8 * sum(n + d for n, d in MODULES.values())
    task = 4 * len(MODULES) * (6 + 6)
    basis = 4 * 6 * sum(n + d for n, d in MODULES.values())
    assert got["bytes_per_lora"] == lora
    assert got["bytes_per_task"] == task
    assert got["times_smaller_per_task"] == pytest.approx(lora / task)
    tasks = got["break_even_tasks"]
    assert basis + tasks * task < tasks * lora
    assert basis + (tasks - 1) * task >= (tasks - 1) * lora
    assert "break even tasks" in share("info", tmp_path / "s").output


def test_check_finds_a_sound_store_sound(store, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    assert as_json("check", store, "--config", tmp_path / "config.json")["is_sound"] is True


@pytest.mark.parametrize(
    ("change", "finding"),
    [({"hidden_size": 64}, "the model has (64, 64)"), ({"num_hidden_layers": 1}, "1 layers only")],
)
def test_check_finds_another_models_shapes(store, tmp_path, change, finding):
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **change}))
    result = as_json("check", store, "--config", tmp_path / "config.json", code=1)
    assert any(finding in row["finding"] for row in result["rows"])


def rewrite_basis(store, change):
    """Change the basis and make the manifest's hash true again."""
    file = store / "basis.safetensors"
    tensors = load_file(file)
    change(tensors[f"{next(iter(MODULES))}.basis_a"])
    save_file(tensors, file)
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["files"]["basis.safetensors"] = sha256_of(file)
    (store / "manifest.json").write_text(json.dumps(manifest))


def test_peer_defect_a_basis_that_is_not_orthonormal_is_found(store):
    rewrite_basis(store, lambda basis: basis[:, 0].mul_(1.01))
    result = as_json("check", store, code=1)
    assert "not orthonormal" in result["rows"][0]["finding"]


def test_check_finds_a_changed_file(store):
    file = store / "coefficients" / "one.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    found = as_json("check", store, code=1)
    assert found["is_sound"] is False
    assert [row["finding"] for row in found["rows"]] == [
        "coefficients/one.safetensors: its SHA-256 differs from the manifest's; restore the file"
    ]
    shown = share("check", store, code=1).stdout
    assert found["rows"][0]["finding"] in shown
    assert "base model: not checked: the store cannot be read" in shown


@pytest.mark.parametrize(
    ("name", "is_possible"),
    [
        ("model.layers.1.mlp.down_proj", True),
        ("layers.0.self_attn.q_proj", True),
        ("lm_head", True),
        ("transformer.h.9.nonsense", False),
        ("model.layers.0.self_attn.c_attn", False),
        ("model.layers.0.mlp.q_proj", False),
        ("model.layers.00.self_attn.q_proj", False),
        ("model.layers.0.self_attn.q_proj.base_layer", False),
    ],
)
def test_check_finds_a_module_that_the_model_cannot_have(tmp_path, name, is_possible):
    shape = {"down_proj": (48, 64), "lm_head": (99, 48)}.get(name.rsplit(".", 1)[-1], (48, 48))
    write_adapter(tmp_path / "one", 0, modules={name: shape})
    share("init", tmp_path / "one", "--out", tmp_path / "s")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**CONFIG, "vocab_size": 99}))
    found = as_json("check", tmp_path / "s", "--config", file, code=0 if is_possible else 1)
    named = f"{name}: a qwen2 model has no layer of this name"
    assert [row["finding"] for row in found["rows"]] == ([] if is_possible else [named])


def test_check_says_what_it_did_not_check(store, tmp_path):
    assert as_json("check", store)["base_model"].startswith("not checked: give its config.json")
    assert "base model: not checked" in share("check", store).stdout
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG))
    assert as_json("check", store, "--config", file)["base_model"] == "checked"
    file.write_text(json.dumps({**CONFIG, "model_type": "novel"}))
    said = as_json("check", store, "--config", file)["base_model"]
    assert said == "not checked: the layers of model_type 'novel' are not known here"
    experts = {"model_type": "qwen3_moe", "hidden_size": 4, "moe_intermediate_size": 2}
    file.write_text(json.dumps(experts))
    assert as_json("check", store, "--config", file)["is_sound"] is True


@pytest.mark.parametrize("layers", ["abc", None, [1], 0, 1.5, "lacking"])
def test_a_config_without_a_number_of_layers_is_refused_in_one_line(store, tmp_path, layers):
    config = {**CONFIG, "num_hidden_layers": layers}
    if layers == "lacking":
        del config["num_hidden_layers"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    result = share("check", store, "--config", tmp_path / "config.json", code=1)
    assert result.stderr.count("\n") == 1
    assert "config: num_hidden_layers is " in result.stderr
    assert "expected a positive integer" in result.stderr


def test_stores_of_other_shapes_are_not_compared(store, tmp_path):
    write_adapter(tmp_path / "wide", 0, modules={next(iter(MODULES)): (64, 48)})
    share("init", tmp_path / "wide", "--out", tmp_path / "other")
    result = share("compare", store, tmp_path / "other", code=1)
    assert result.stderr.count("\n") == 1
    assert "(48, 48) and (64, 48), expected the same" in result.stderr


def test_compare_a_store_with_itself_and_with_another(store, tmp_path):
    same = as_json("compare", store, store)
    assert same["mean_cosine_a"] == pytest.approx(1.0, abs=1e-5)
    assert max(row["largest_angle_b"] for row in same["rows"]) < 1e-2
    write_adapter(tmp_path / "other" / "x", 77)
    share("init", tmp_path / "other", "--components", 4, "--out", tmp_path / "s2")
    other = as_json("compare", store, tmp_path / "s2")
    assert other["mean_cosine_a"] < 0.95
    assert max(row["largest_angle_a"] for row in other["rows"]) > 0.3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["info", "nowhere"], 1, "not a store"),
        (["init", "nowhere", "--out", "{new}"], 1, "neither a PEFT adapter"),
        (["init", "{adapters}", "--out", "{new}", "--components", "0"], 2, "components"),
        (
            ["init", "{adapters}", "--out", "{new}", "--components", 3, "--error", 0.1],
            2,
            "at most one",
        ),
        (
            ["init", "{adapters}", "{adapters}", "--out", "{new}"],
            2,
            "one, three, two: more than one",
        ),
        (["export", "{store}", "nope", "--out", "{new}"], 2, "nope"),
        (["merge", "{store}", "{adapters}", "--bytes", 9], 2, "--bytes"),
        (["project", "{store}", "{adapters}"], 2, "exists"),
        (["fly"], 2, "No such command"),
    ],
)
def test_errors_are_one_line_and_change_nothing(
    store, adapters, tmp_path, arguments, code, message
):
    before = sha256_of(store / "manifest.json")
    filled = [str(a).format(adapters=adapters, store=store, new=tmp_path / "x") for a in arguments]
    result = share(*filled, code=code)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sha256_of(store / "manifest.json") == before
    assert not (tmp_path / "x").exists()


def rename_base(adapter, name):
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": name}))


@pytest.mark.parametrize("command", ["init", "project", "merge"])
def test_adapters_of_another_base_model_are_refused(store, tmp_path, command):
    other = tmp_path / "other"
    write_adapter(other, 9)
    rename_base(other, "someone/entirely-different")
    before = (store / "manifest.json").read_bytes()
    first = (tmp_path / "adapters", "--out", tmp_path / "new") if command == "init" else (store,)
    refused = share(command, *first, other, code=2).stderr
    assert "of several base models: someone/entirely-different, tiny-base" in refused
    assert not (tmp_path / "new").exists()
    assert (store / "manifest.json").read_bytes() == before
    share(command, *first, other, "--base-model", "tiny-base")
    written = load_store(tmp_path / "new" if command == "init" else store)
    assert (written.base_model, "other" in written.subspace.tasks) == ("tiny-base", True)


@pytest.mark.parametrize(
    "name",
    [
        "~/models/tiny-base",
        "C:\\models\\tiny-base",
        "./models/tiny-base/",
        "me/Tiny-Base",
        "/hub/models--me--tiny-base/snapshots/0a1b2c",
    ],
)
def test_one_base_model_may_go_by_several_names(store, tmp_path, name):
    write_adapter(tmp_path / "other", 9)
    rename_base(tmp_path / "other", name)
    share("project", store, tmp_path / "other")
    assert load_store(store).base_model == "tiny-base"


def test_what_a_short_format_cannot_hold_is_not_written(tmp_path):
    write_adapter(tmp_path / "big", 3, alpha=4e6)
    refused = share("init", tmp_path / "big", "--dtype", "float16", "--out", tmp_path / "s", code=1)
    assert "has values that float16 cannot hold" in refused.stderr
    assert not (tmp_path / "s").exists()
    share("init", tmp_path / "big", "--out", tmp_path / "s")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    gguf = ("--format", "gguf", "--config", tmp_path / "config.json")
    for more in ((), gguf):
        out = tmp_path / "out"
        refused = share(
            "export", tmp_path / "s", "big", "--out", out, "--dtype", "float16", *more, code=1
        )
        assert "has values that float16 cannot hold" in refused.stderr
        assert not out.exists()


def test_a_store_that_is_not_there_leaves_nothing_behind(adapters, tmp_path):
    refused = share("project", tmp_path / "no" / "store", adapters / "one", code=1)
    assert "is not a store" in refused.stderr
    assert not (tmp_path / "no").exists()


def test_links_name_adapters_whose_folders_are_called_alike(tmp_path):
    for run in ("first", "second"):
        write_adapter(tmp_path / run / "checkpoint-500", 1)
        (tmp_path / f"{run}-500").symlink_to(tmp_path / run / "checkpoint-500")
    share("init", tmp_path / "first-500", tmp_path / "second-500", "--out", tmp_path / "s")
    assert set(load_store(tmp_path / "s").subspace.tasks) == {"first-500", "second-500"}


def test_what_a_killed_writer_left_is_no_adapter(adapters, tmp_path):
    write_adapter(adapters / ".one.abcdef", 1)
    share("init", adapters, "--out", tmp_path / "s")
    assert set(load_store(tmp_path / "s").subspace.tasks) == {"one", "two", "three"}


def test_all_of_the_variance_keeps_an_adapter_that_is_a_thousand_times_smaller(tmp_path):
    write_adapter(tmp_path / "in" / "large", 1)
    write_adapter(tmp_path / "in" / "small", 2, alpha=8e-3)
    for options in (["--variance", 1], ["--variance", 1, "--objective", "product"]):
        share("init", tmp_path / "in", "--out", tmp_path / "s", *options)
        share("export", tmp_path / "s", "small", "--out", tmp_path / "back")
        for module in MODULES:
            expected = peft_delta(tmp_path / "in" / "small", module)
            error = (peft_delta(tmp_path / "back", module) - expected).norm() / expected.norm()
            assert error < 1e-3


def test_heads_that_are_not_the_models_are_refused(store, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**CONFIG, "model_type": "llama", "num_attention_heads": 5}))
    out = ("--out", tmp_path / "a.gguf", "--format", "gguf", "--config", file)
    refused = share("export", store, "one", *out, code=1).stderr
    assert "which are not the config's 2 heads of 9" in refused


def test_a_file_that_cannot_be_read_is_named_with_its_adapter(adapters, tmp_path):
    (adapters / "two" / "adapter_config.json").write_text("{")
    refused = share("init", adapters, "--out", tmp_path / "s", code=1).stderr
    assert "two/adapter_config.json: not valid JSON" in refused
    key = "base_model.model.lm_head.base_layer.weight"
    write_adapter(tmp_path / "head", 1)
    weights = load_file(tmp_path / "head" / "adapter_model.safetensors")
    save_file({**weights, key: torch.zeros(2, 2)}, tmp_path / "head" / "adapter_model.safetensors")
    refused = share("init", tmp_path / "head", "--out", tmp_path / "s", code=1).stderr
    assert "save_embedding_layers=False" in refused
