"""Stores made at night: which one is used by default, and the way back."""

import json

import pytest
from click.testing import CliRunner

from sleepy_coder import serving
from sleepy_coder.cli import main
from sleepy_coder.cli.sources import SourceOptions
from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.versions import (
    Pairs,
    add_version,
    current_number,
    default_store,
    list_numbers,
    load_version,
    only_night,
    roll_back,
    store_path,
    stores_dir,
)
from tiny_model import make_model, make_store


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """The hash of a store that is shipped for the tiny model."""
    monkeypatch.setattr(serving, "ARTIFACTS", (tmp_path / "artifacts",))
    save_store(make_store(make_model()), tmp_path / "artifacts" / "tiny")
    return load_store(tmp_path / "artifacts" / "tiny").sha256


def grow(size, shipped="5" * 64, pairs=None):
    store = make_store(make_model(), size=size)
    return add_version(
        "tiny",
        store,
        parent=current_number("tiny"),
        parent_sha256="4" * 64,
        shipped_sha256=shipped,
        pairs=pairs or {},
    )


def call(*arguments, code=0):
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_a_new_version_is_what_is_used_where_no_store_is_named(shipped, tmp_path):
    find = SourceOptions(None, no_store=False, adapters=None).find
    routed = [STRATEGIES["routed"]]
    assert find("tiny", routed).store == tmp_path / "artifacts" / "tiny"
    grow(5.0)
    assert find("tiny", routed).store == store_path("tiny", 1)
    named = SourceOptions(tmp_path / "artifacts" / "tiny", no_store=False, adapters=None)
    assert named.find("tiny", routed).store == tmp_path / "artifacts" / "tiny"
    assert SourceOptions(None, no_store=True, adapters=None).find("tiny", routed).store is None
    assert default_store("another") is None


def test_the_way_back_and_forward_again(shipped, tmp_path):
    pairs = {"missing_mut": Pairs(("one",), ("two",))}
    first, second = grow(5.0, pairs=pairs), grow(6.0)
    assert (first.parent, second.parent) == (0, 1)
    assert load_version("tiny", 1) == first
    assert roll_back("tiny") == 1
    assert default_store("tiny") == store_path("tiny", 1)
    third = grow(7.0)  # a number is never given twice
    assert (third.number, third.parent) == (3, 1)
    assert roll_back("tiny", 2) == 2
    assert [roll_back("tiny"), roll_back("tiny")] == [1, 0]
    assert default_store("tiny") == tmp_path / "artifacts" / "tiny"
    with pytest.raises(InputError, match="nothing to go back to"):
        roll_back("tiny")
    assert list_numbers("tiny") == [1, 2, 3]
    assert load_store(store_path("tiny", 2)).sha256 != load_store(store_path("tiny", 3)).sha256


def test_what_was_not_finished_is_not_in_use(shipped, monkeypatch):
    grow(5.0)

    def fail(*_):
        raise KeyboardInterrupt

    for step in ("_point", "_write"):
        with monkeypatch.context() as context:
            context.setattr(f"sleepy_coder.versions.{step}", fail)
            with pytest.raises(KeyboardInterrupt):
                grow(6.0)
        assert current_number("tiny") == 1
    assert grow(8.0).number > 1


@pytest.mark.parametrize("name", ["owner/tiny", "../up", "..", "a b"])
def test_any_models_name_is_one_folder(name):
    assert stores_dir(name).parent == stores_dir("tiny").parent
    assert stores_dir(name).name not in {"..", ""}


def test_damage_is_said_and_rolled_back(shipped, tmp_path):
    grow(5.0)
    (stores_dir("tiny") / "0001.json").write_text("{")
    assert (
        "cannot be read as a version's record" in call("status", "--model", "tiny", code=1).stderr
    )
    (stores_dir("tiny") / "current").write_text("many\n")
    with pytest.raises(StoreError, match="cannot be read as a number; `sleepy rollback --to 0`"):
        default_store("tiny")
    call("rollback", "--to", 0, "--model", "tiny")
    assert default_store("tiny") == tmp_path / "artifacts" / "tiny"
    (stores_dir("tiny") / "current").write_text("7\n")
    with pytest.raises(StoreError, match="is missing, but in use"):
        default_store("tiny")


@pytest.mark.parametrize("arguments", [("rollback", "--to", 0), ("night",)])
def test_a_folder_that_cannot_be_written_is_one_line(data_folder, arguments):
    data_folder.write_text("a file stands in its place")
    result = call(*arguments, "--model", "tiny", code=1)
    assert result.stderr.count("\n") == 1
    assert str(data_folder) in result.stderr


def test_what_was_learned_once_stays_so():
    known, new = Pairs(("a", "b"), ("c",)), Pairs(("b", "d"), (), ("e",))
    assert known | new == Pairs(("a", "b", "d"), ("c",), ("e",))


def test_only_one_night_at_a_time(shipped):
    with only_night("tiny"):
        with pytest.raises(StoreError, match="a night is at work"), only_night("tiny"):
            pass
        assert "a night is at work" in call("rollback", "--model", "tiny", code=1).stderr
        with only_night("other"):
            pass


def test_status_tells_that_another_store_is_shipped_by_now(shipped, tmp_path):
    assert "as shipped" in call("status", "--model", "tiny").stdout
    grow(5.0, shipped=shipped)
    told = json.loads(call("status", "--model", "tiny", "--json").stdout)
    assert (told["version"], told["is_shipped_changed"]) == (1, False)
    assert "are others" not in call("status", "--model", "tiny").stdout
    save_store(make_store(make_model(), size=9.0), tmp_path / "artifacts" / "tiny")
    told = call("status", "--model", "tiny").stdout
    assert "version 1" in told
    assert "the shipped tasks are others than those that version 1 grew from" in told
    assert "version" not in call("rollback", "--model", "tiny").stdout
    assert "are others" not in call("status", "--model", "tiny").stdout


def test_rollback_names_the_versions_there_are(shipped):
    grow(5.0)
    assert "expected one of 0, 1" in call("rollback", "--to", 4, "--model", "tiny", code=2).stderr
    assert current_number("tiny") == 1
    assert call("rollback", "--to", 1, "--model", "tiny").stdout == "version 1 is in use\n"
