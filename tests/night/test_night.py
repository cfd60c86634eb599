"""A night on the tiny model: what is put in use, and that all else stays as it was."""

import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from sleepy_coder import serving
from sleepy_coder.cli import main
from sleepy_coder.cli import night as cli_night
from sleepy_coder.episodes import Episode, load_episodes, record_episodes
from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.learning.answers import Judged
from sleepy_coder.night import run as run_module
from sleepy_coder.night.config import NightConfig
from sleepy_coder.night.practice import generate_for_gate, generate_for_replay
from sleepy_coder.night.reports import load_nights
from sleepy_coder.night.run import Night
from sleepy_coder.night.teach import teach
from sleepy_coder.patterns import generate_problems
from sleepy_coder.problems import Check
from sleepy_coder.proof import finish_problem
from sleepy_coder.share.files import sha256_of
from sleepy_coder.share.layer import ShareLinear
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.share.tasks import average, delta_weight
from sleepy_coder.train.data import fingerprints, pair_from_problem
from sleepy_coder.train.pairs import encode_rows
from sleepy_coder.versions import default_store, list_numbers, load_version, store_path
from tiny_model import make_model, make_store

TASK, OTHER, NEW = "missing_mut", "assign_twice_immutable", "immutable_ref_param"
CONFIG = NightConfig(
    min_pairs=3, num_replayed=2, num_generated=4, num_steps=2, rows_per_step=1,
    max_pair_tokens=8000, max_new_tokens=8,
)  # fmt: skip


_GENERATED = {}


@pytest.fixture(autouse=True)
def generated(monkeypatch):
    """Generate and prove the same problems once for all tests."""
    for name in ("generate_for_gate", "generate_for_replay"):
        make = getattr(run_module, name)

        def generate(*given, make=make):
            key = (make.__name__, *map(repr, given[:3]))
            if key not in _GENERATED:
                _GENERATED[key] = make(*given)
            return _GENERATED[key]

        monkeypatch.setattr(run_module, name, generate)


@pytest.fixture(scope="module")
def drawn(sandbox):
    """Pattern -> six programs of different shapes, as `sleepy fix` would record them."""
    found = {}
    for pattern in (TASK, NEW):
        drafts = generate_problems(pattern, 6, seed=5)
        finished = [finish_problem(draft, sandbox)[0] for draft in drafts]
        found[pattern] = [replace(p, check=Check("compile")) for p in finished]
    return found


@pytest.fixture
def record(drawn):
    def record(pattern, start=0, stop=4, by="base model, drawn"):
        record_episodes(Episode(p, by, "a" * 64) for p in drawn[pattern][start:stop])

    return record


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "ARTIFACTS", (tmp_path / "artifacts",))
    path = tmp_path / "artifacts" / "tiny"
    store = make_store(make_model(), (TASK, OTHER), form="program", size=0.1)
    provenance = {name: {"answer_form": "program", "min_doubt": 4} for name in (TASK, OTHER)}
    save_store(replace(store, provenance=provenance), path)
    return path


@pytest.fixture
def judged(monkeypatch):
    """Let the store in use solve what `before` says of an id, and the new one what `after` does."""
    asked = []

    def let(before, after):
        def judge(problems, strategy, bench):
            assert strategy == "routed"
            solves = before if bench.learned.store.sha256 else after
            asked.append([problem.id for problem in problems])
            return {
                p.id: Judged("pass" if solves(p.id) else "compile_error", "", None, -1.0)
                for p in problems
            }

        monkeypatch.setattr(run_module, "judge_strategy", judge)
        return asked

    return let


def make_night(sandbox, **fields):
    return Night("tiny", sandbox, fields.pop("config", CONFIG), make_model, make_model, **fields)


def hashes(path):
    return {
        file.relative_to(path).as_posix(): sha256_of(file) for file in path.rglob("*.safetensors")
    }


def always(_):
    return True


def never(_):
    return False


def test_what_solves_more_is_put_in_use_and_all_else_stays(shipped, record, judged, sandbox):
    record(TASK)
    asked = judged(never, always)
    before = hashes(shipped)
    report = make_night(sandbox).run()
    (pattern,) = report.patterns
    assert (pattern.outcome, report.version) == ("promoted", 1)
    assert hashes(shipped) == before
    after = hashes(default_store("tiny"))
    changed = f"coefficients/{TASK}.safetensors"
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {changed}
    store = load_store(default_store("tiny"))
    origin = store.provenance[TASK]
    assert (origin["min_doubt"], origin["steps"], origin["answer_form"]) == (4, 2, "program")
    assert store.provenance[OTHER] == load_store(shipped).provenance[OTHER]
    version = load_version("tiny", 1)
    assert version.parent_sha256 == version.shipped_sha256 == load_store(shipped).sha256
    dealt = version.pairs[TASK]
    assert (len(dealt.trained), len(dealt.held_back)) == (3, 1)
    assert asked[0] == asked[1]
    assert set(dealt.held_back) < set(asked[0])
    assert set(dealt.trained).isdisjoint(asked[0])
    assert len(asked[0]) == len(set(asked[0])) > 2  # generated ones, too
    assert load_nights("tiny") == [json_round_trip(report)]


def json_round_trip(report):
    """Return a report as it is read again: what was a tuple inside of details is a list."""
    patterns = tuple(
        replace(each, details=json.loads(json.dumps(each.details))) for each in report.patterns
    )
    return replace(report, patterns=patterns)


def test_what_is_learned_is_not_learned_again_and_new_pairs_wait(shipped, record, judged, sandbox):
    record(TASK)
    judged(never, always)
    make_night(sandbox).run()
    assert make_night(sandbox).run().patterns == ()
    record(TASK, 4, 6)
    (pattern,) = make_night(sandbox).run().patterns
    assert (pattern.outcome, pattern.num_new) == ("waiting", 2)
    report = make_night(sandbox, config=replace(CONFIG, min_pairs=2)).run()
    assert (report.parent, report.version) == (1, 2)
    first, second = (load_version("tiny", number).pairs[TASK] for number in (1, 2))
    assert set(first.trained) < set(second.trained)
    assert set(first.held_back) < set(second.held_back)
    assert load_version("tiny", 2).shipped_sha256 == load_store(shipped).sha256


def test_a_version_knows_what_those_before_it_have_learned(shipped, record, judged, sandbox):
    judged(never, always)
    for number, pattern in enumerate((TASK, NEW), 1):
        record(pattern)
        assert make_night(sandbox).run().version == number
    assert load_version("tiny", 2).pairs.keys() == {TASK, NEW}
    assert load_version("tiny", 2).pairs[TASK] == load_version("tiny", 1).pairs[TASK]
    assert make_night(sandbox).run().patterns == ()
    first, second = hashes(store_path("tiny", 1)), hashes(store_path("tiny", 2))
    assert {name: second[name] for name in first} == first


@pytest.mark.parametrize(
    ("solved", "reason"),
    [
        ((never, never), "no gain"),
        ((lambda name: name[0] == "e", lambda name: name[0] != "e"), "loses episode-"),
        ((always, lambda name: name[0] == "e"), f"loses {TASK}-"),
    ],
)
def test_what_loses_or_gains_nothing_is_left(shipped, record, judged, sandbox, solved, reason):
    record(TASK)
    asked = judged(*solved)
    report = make_night(sandbox).run()
    (pattern,) = report.patterns
    assert (pattern.outcome, report.version) == ("left", None)
    assert reason in pattern.reason
    assert (default_store("tiny"), list_numbers("tiny")) == (shipped, [])
    (again,) = make_night(sandbox).run().patterns
    assert again.outcome == "tried"
    assert len(asked) == 2
    make_night(sandbox, is_again=True).run()
    assert len(asked) == 4
    record(TASK, 4, 5)  # one more pair is another trial
    assert make_night(sandbox).run().patterns[0].outcome == "left"


def test_one_pattern_is_promoted_while_another_is_left(shipped, record, judged, sandbox):
    record(TASK)
    record(NEW)
    ids = set()

    def solves(name):
        ids.add(name)
        return name.startswith(NEW)

    judged(never, solves)
    report = make_night(sandbox).run()
    assert {each.pattern: each.outcome for each in report.patterns} == {
        TASK: "left",
        NEW: "promoted",
    }
    before, after = hashes(shipped), hashes(default_store("tiny"))
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {f"coefficients/{NEW}.safetensors"}
    store = load_store(default_store("tiny"))
    assert store.provenance[NEW]["min_doubt"] is None
    assert store.provenance[NEW]["answer_form"] == "program"
    assert load_version("tiny", 1).pairs.keys() == {NEW}


def test_what_was_rolled_back_is_not_put_in_use_again(shipped, record, judged, sandbox):
    record(TASK)
    judged(never, always)
    make_night(sandbox).run()
    assert CliRunner().invoke(main, ["rollback", "--model", "tiny"]).exit_code == 0
    (pattern,) = make_night(sandbox).run().patterns
    assert pattern.outcome == "tried"
    assert default_store("tiny") == shipped


def test_what_rustc_mended_teaches_nothing(shipped, record, judged, sandbox):
    record(TASK, by="rustc's suggestion")
    judged(never, always)
    report = make_night(sandbox).run()
    assert report.patterns == ()
    assert report.repairs["num_rustc"] == 4
    assert default_store("tiny") == shipped


def test_a_night_that_is_cut_off_has_done_nothing(shipped, record, judged, sandbox, monkeypatch):
    record(TASK)
    judged(never, always)

    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(run_module, "add_version", fail)
        with pytest.raises(KeyboardInterrupt):
            make_night(sandbox).run()
    assert default_store("tiny") == shipped
    assert load_nights("tiny") == []
    assert make_night(sandbox).run().version == 1


def test_a_model_without_a_store_is_said(record, sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "ARTIFACTS", (tmp_path,))
    record(TASK)
    with pytest.raises(InputError, match="no store of learned tasks is shipped for model tiny"):
        make_night(sandbox).run()


def test_a_damaged_report_is_named(shipped, record, judged, sandbox):
    record(TASK)
    judged(never, never)
    make_night(sandbox).run()
    (path,) = (store_path("tiny", 1).parent / "nights").glob("*.json")
    path.write_text("{}")
    with pytest.raises(StoreError, match="cannot be read as a night's report"):
        load_nights("tiny")


def test_a_task_starts_from_itself_and_a_new_one_from_the_mean(shipped, drawn):
    store = load_store(shipped)
    still = replace(CONFIG, learning_rate=1e-12)
    for pattern in (TASK, NEW):
        problems = [p for p in drawn[pattern][:2] if p.fixed]
        model = make_model()
        found = teach(model, store, pattern, problems, (), still)
        assert not any(isinstance(m, ShareLinear) for m in model.hf_model.modules())
        learned = replace(store.subspace, tasks={pattern: found.coefficients})
        start = {pattern: store.subspace.tasks.get(pattern, average(store.subspace, None, 1))}
        started = replace(store.subspace, tasks=start)
        for module in store.subspace.bases:
            ends = [delta_weight(each, pattern, module) for each in (learned, started)]
            assert torch.allclose(*ends, atol=1e-4)
            if pattern == TASK:
                assert not torch.allclose(ends[0], delta_weight(store.subspace, OTHER, module))
    config = replace(CONFIG, learning_rate=1e-2)
    moved = teach(make_model(), store, TASK, drawn[TASK][:2], (), config)
    module = next(iter(store.subspace.bases))
    ends = [replace(store.subspace, tasks={TASK: moved.coefficients}), store.subspace]
    assert not torch.allclose(*(delta_weight(each, TASK, module) for each in ends), atol=1e-4)


def test_replayed_pairs_differ_in_shape_and_from_what_the_gate_asks(sandbox):
    asked = generate_for_gate(TASK, 4, sandbox)
    assert {problem.id.rpartition("-")[2] for problem in asked}
    closed = {mark for problem in asked for mark in fingerprints(problem)}
    replayed = generate_for_replay(TASK, 4, 0, closed, sandbox)
    assert len({problem.id.rpartition("-")[2] for problem in replayed}) == len(replayed) > 2
    marks = {mark for problem in replayed for mark in fingerprints(problem)}
    assert marks.isdisjoint(closed)
    without = generate_for_replay(TASK, 4, 0, closed | fingerprints(replayed[0]), sandbox)
    assert replayed[0].id not in {problem.id for problem in without}


def test_the_commands_from_a_repair_to_status(shipped, record, monkeypatch, sandbox):
    record(TASK)
    for name in ("load_model", "load_frozen_model"):
        monkeypatch.setattr(cli_night, name, lambda *_, **__: make_model())
    options = ["--model", "tiny", "--allow-unconfined", "--min-pairs", "3", "--replayed", "1"]
    options += ["--generated", "2", "--steps", "1", "--rows", "1", "--max-tokens", "8000"]
    options += ["--max-new-tokens", "4"]
    done = CliRunner().invoke(main, ["night", *options])
    assert done.exit_code == 0, (done.output, done.exception)
    # The tiny model solves nothing, and says so through the same path as `sleepy fix`.
    assert f"{TASK}: left: solves 0 of 3, 0 before: no gain" in done.stdout
    told = CliRunner().invoke(main, ["status", "--model", "tiny", "--json"])
    status = json.loads(told.stdout)
    assert (status["version"], status["recorded"], status["waiting"]) == (0, 4, {TASK: 4})
    (night,) = status["nights"]
    assert night["patterns"][0]["details"]["gate"]["num_asked"] == 3
    table = CliRunner().invoke(main, ["status", "--model", "tiny"]).stdout
    assert "left" in table
    assert f"{TASK} 4" in table
    done = CliRunner().invoke(main, ["night", *options, "--json"])
    assert json.loads(done.stdout)["patterns"][0]["outcome"] == "tried"


def test_what_is_too_long_is_not_learned_and_not_called_so(shipped, record, judged, sandbox):
    record(TASK)
    judged(never, always)
    tokenizer = make_model().tokenizer
    pairs = [pair_from_problem(each.problem, task=TASK) for each in load_episodes()]
    lengths = sorted(map(len, encode_rows(pairs, tokenizer)))
    none = replace(CONFIG, max_pair_tokens=lengths[0] - 1)
    report = make_night(sandbox, config=none).run()
    assert [p.reason for p in report.patterns] == ["all pairs are too long"]
    some = replace(CONFIG, max_pair_tokens=lengths[-2])
    (pattern,) = make_night(sandbox, config=some).run().patterns
    trained = load_version("tiny", 1).pairs[TASK].trained
    assert pattern.details["trained"] == len(trained)
    assert len(trained) + pattern.details["too_long"] == 3
