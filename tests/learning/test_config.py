import json
from dataclasses import asdict
from pathlib import Path

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.learning.config import load_learn_config
from sleepy_coder.patterns import GENERAL, PATTERNS
from sleepy_coder.problems import load_set
from sleepy_coder.share.store import load_store

HARD = {"bc_003", "bc_005", "bc_010", "tb_002", "tb_007", "tb_008", "rh_004", "rh_005"}


@pytest.mark.parametrize("name", ["learn", "learn-0.5b"])
def test_one_adapter_of_all_pairs_has_not_seen_the_hard_patterns(name):
    config = load_learn_config(Path(f"configs/{name}.toml"))
    hard = {p.pattern for p in load_set("core").problems if p.id in HARD}
    assert len(hard) == 8
    assert set(config.basis_patterns) == set(PATTERNS) - hard
    assert config.recipe.joint is not None
    assert config.recipe.shared is None


def test_the_experiments_keep_the_hard_patterns_out_of_their_bases():
    config = load_learn_config(Path("configs/experiments.toml"))
    hard = {p.pattern for p in load_set("core").problems if p.id in HARD}
    assert set(config.basis_patterns) <= set(PATTERNS) - hard
    assert config.recipe.lora.learning_rate == 1e-3


@pytest.mark.parametrize("name", ["learn", "learn-0.5b"])
def test_a_shipped_store_was_learned_as_its_configuration_says(name):
    config = load_learn_config(Path(f"configs/{name}.toml"))
    report = json.loads(Path(f"results/learn/{config.model}.json").read_text())
    known = json.loads(json.dumps(asdict(config)))
    for each in (known, report["config"]):
        del each["recipe"]["lora"]  # of adapters, which the store has none of
    assert known == report["config"]
    store = load_store(Path("artifacts") / config.model)
    assert store.common == GENERAL
    assert {b.basis_a.shape[1] for b in store.subspace.bases.values()} == {config.recipe.components}
    assert store.provenance[GENERAL].get("weight") in (config.general_weights or (None,))


@pytest.mark.parametrize(("model", "size"), [("1.5b", ""), ("0.5b", "-0.5b")])
def test_what_is_told_of_a_shipped_store_was_measured_with_it(model, size):
    store = load_store(Path(f"artifacts/qwen2.5-coder-{model}-instruct"))
    names = [f"core/{model}/{arm}" for arm in ("averaged", "cascade", "general", "routed")]
    names += [f"transfer{size}/transfer/{arm}-shipped" for arm in ("alone", "routed")]
    names += [f"routing{size}/frozen/routed"]
    for name in names:
        assert (
            json.loads(Path(f"results/{name}.json").read_text())["store"]["sha256"] == store.sha256
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("basis_patterns = []\n[recipe.lora]\nsteps = 3", "recipe: lora: field steps: unknown"),
        ("model = 'm'", "basis_patterns"),
        ("basis_patterns = []\n[model]\nname = 'm'", "field model: got .*, expected a value"),
        ("basis_patterns = []\nrecipe = 3", "field recipe: got 3, expected a table"),
        ("basis_patterns = []\n[recipe]\nstart = 'avg'", "start: got 'avg', expected one of"),
        ("basis_patterns = []\n[recipe]\nobjective = 'dw'", "objective: got 'dw'"),
        ("basis_patterns = []\ngeneral_weights = 0.7", "general_weights: got 0.7, expected a list"),
        ("basis_patterns = []\ngeneral_weights = [1.5]", r"general_weights: got \(1.5,\)"),
        ("basis_patterns = []\ngeneral_weights = [1]", "the recipe makes no `general`"),
        ("basis_patterns = []\n[pool]\nanswer_form = 'edits'", "answer_form: got 'edits'"),
        ("= 3", "cannot be read as TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, message):
    path = tmp_path / "learn.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_learn_config(path)
