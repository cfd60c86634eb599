from dataclasses import replace

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.learning.sets import FILES, load_learning_sets, source_of
from sleepy_coder.patterns import generate_problems
from sleepy_coder.problems import Check, save_set
from sleepy_coder.train.data import fingerprints


def mutant(number, crate):
    (problem,) = drawn("missing_mut", 1, seed=number)
    return replace(problem, id=f"m{number}", description=f"part of {crate}, broken by drop_mut")


def drawn(pattern, count, seed):
    problems = generate_problems(pattern, count, seed=seed)
    return [replace(problem, check=Check("compile")) for problem in problems]


@pytest.fixture
def parts():
    crates = [f"crate-{n}" for n in range(24)]
    return {
        "train": [mutant(n, crate) for n, crate in enumerate(crates)],
        "gate": [mutant(100, "gate-crate")],
        "transfer": [mutant(200, "transfer-crate")],
        "heldout": [mutant(300, "none")],
        "generated": drawn("missing_clone", 3, seed=1),
        "written": drawn("missing_debug", 3, seed=1),
    }


def write_all(folder, parts):
    for name, problems in parts.items():
        save_set(problems, folder / f"{name}.jsonl")


def write(folder, parts):
    write_all(folder, parts)
    return load_learning_sets(folder, with_written=True)


def test_a_crate_is_either_trained_on_or_selects(tmp_path, parts):
    sets = write(tmp_path, parts)
    trained = {source_of(p) for p in sets.mutants}
    selecting = {source_of(p) for p in sets.select}
    assert trained
    assert len(selecting) > 1
    assert not trained & selecting
    assert "gate-crate" in selecting


def test_training_gives_way_to_every_other_set(tmp_path, parts):
    fillers = {name: parts[name][0] for name in ("gate", "transfer", "heldout")}
    doubles = [replace(p, id=f"double-{name}") for name, p in fillers.items()]
    parts["generated"] = [*parts["generated"], *doubles]
    parts["written"] = [*parts["written"], *doubles]
    sets = write(tmp_path, parts)
    assert [p.id for p in sets.written] == [p.id for p in parts["written"][:3]]
    assert sets.sources == (sets.mutants, sets.written, sets.generated)
    assert [p.id for p in sets.generated] == [p.id for p in parts["generated"][:3]]


def test_what_selects_gives_way_to_what_is_reported(tmp_path, parts):
    parts["gate"] = [*parts["gate"], replace(parts["transfer"][0], id="again")]
    sets = write(tmp_path, parts)
    reported = fingerprints(parts["transfer"][0])
    assert all(reported.isdisjoint(fingerprints(p)) for p in sets.select)
    assert len(sets.transfer.problems) == 1


def test_a_missing_file_is_named(tmp_path, parts):
    for name in FILES[:-1]:
        save_set(parts[name], tmp_path / f"{name}.jsonl")
    with pytest.raises(InputError, match=r"has no transfer.jsonl; make it with `make data`"):
        load_learning_sets(tmp_path)


def test_what_the_model_wrote_is_asked_for_only_where_it_is_learned_from(tmp_path, parts):
    written = parts.pop("written")
    write_all(tmp_path, parts)
    assert load_learning_sets(tmp_path).written == ()
    with pytest.raises(InputError, match=r"has no written.jsonl; make it with `make written`"):
        load_learning_sets(tmp_path, with_written=True)
    assert len(write(tmp_path, {**parts, "written": written}).written) == 3
