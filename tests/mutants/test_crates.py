import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from sleepy_coder.errors import InputError, SleepyError
from sleepy_coder.mutants.crates import PARTS, Crate, fetch_crate, load_recipe, source_files

RECIPE = Path(__file__).parents[2] / "configs" / "mutants.toml"
CRATE = Crate("tide", "train", "MIT", "librust-tide-dev", "1.0-1", "0" * 64)


def test_the_shipped_recipe_pins_every_package():
    recipe = load_recipe(RECIPE)
    for crate in recipe.crates:
        assert re.fullmatch(r"[0-9a-f]{64}", crate.sha256), crate
        assert crate.version, crate
        assert crate.licence, crate
        assert "GPL" not in crate.licence, crate
    assert {crate.part for crate in recipe.crates} == set(PARTS)


def test_no_package_is_in_two_parts():
    parts = {}
    for crate in load_recipe(RECIPE).crates:
        assert parts.setdefault(crate.package, crate.part) == crate.part, crate


@pytest.mark.parametrize(
    ("before", "after"),
    [('"train"', '"exam"'), ("licence", "license"), ("seed = 0", ""), ("gate]", "gates]")],
)
def test_a_malformed_recipe_is_refused(tmp_path, before, after):
    text = RECIPE.read_text(encoding="utf-8")
    path = tmp_path / "mutants.toml"
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError, match="expected"):
        load_recipe(path)


def test_a_name_may_stand_in_a_recipe_once(tmp_path):
    rows = tomllib.loads(RECIPE.read_text(encoding="utf-8"))["crates"]
    text = RECIPE.read_text(encoding="utf-8").replace(rows[0]["name"], rows[1]["name"])
    (tmp_path / "mutants.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="distinct names"):
        load_recipe(tmp_path / "mutants.toml")


@pytest.fixture
def fake_debian(tmp_path, monkeypatch):
    """Stand-ins for apt-get and dpkg: the package file says what it is, and unpacks to a crate."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    scripts = {
        "apt-get": 'printf "a package" > "tide.deb"',
        "dpkg": 'mkdir -p "$3/usr/share/cargo/registry/tide-1.0/src"',
    }
    for name, script in scripts.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (bin_ / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:/usr/bin:/bin")
    return hashlib.sha256(b"a package").hexdigest()


def test_a_package_is_fetched_once(fake_debian, tmp_path, monkeypatch):
    crate = Crate("tide", "train", "MIT", "librust-tide-dev", "1.0-1", fake_debian)
    folder = fetch_crate(crate, tmp_path / "cache")
    assert folder.name == "tide-1.0"
    monkeypatch.setenv("PATH", "")
    assert fetch_crate(crate, tmp_path / "cache") == folder


def test_another_package_than_the_pinned_one_is_refused(fake_debian, tmp_path):
    with pytest.raises(SleepyError, match="SHA-256"):
        fetch_crate(CRATE, tmp_path / "cache")
    with pytest.raises(SleepyError, match="SHA-256"):  # nothing half-made was left behind
        fetch_crate(CRATE, tmp_path / "cache")


def test_a_machine_without_apt_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SleepyError, match="apt-get was not found"):
        fetch_crate(CRATE, tmp_path / "cache")


def test_tests_and_examples_of_a_crate_are_left_out(tmp_path):
    for name in ("src/lib.rs", "src/a/b.rs", "src/tests/c.rs", "src/d/tests.rs", "benches/e.rs"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [path.relative_to(tmp_path).as_posix() for path in source_files(tmp_path)]
    assert names == ["src/a/b.rs", "src/lib.rs"]
