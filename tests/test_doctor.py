"""The doctor finds what is there, and says how to mend what is not."""

import json
import shutil
import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import sleepy_coder
from sleepy_coder.cli import doctor as doctor_module
from sleepy_coder.cli import main
from sleepy_coder.cli.doctor import _FETCH, Finding, examine, render_finding
from sleepy_coder.sandbox import confinement, toolchain


def by_name():
    return {finding.name: finding for finding in examine()}


def test_this_machine_is_fit_to_run_the_tests():
    result = CliRunner().invoke(main, ["doctor"])

    assert result.exit_code == 0, result.output
    assert "rustc 1." in result.output
    assert "torch" in result.output


def test_json_has_the_same_findings():
    result = CliRunner().invoke(main, ["doctor", "--json"])

    findings = json.loads(result.output)
    assert {f["name"] for f in findings} == set(by_name())
    assert set(findings[0]) == {"name", "is_ok", "detail", "is_required", "mend"}


def test_missing_rust_is_required_and_has_a_mend(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    toolchain.cache_clear()
    confinement.cache_clear()
    try:
        found = by_name()
        result = CliRunner().invoke(main, ["doctor"])
    finally:
        toolchain.cache_clear()
        confinement.cache_clear()

    for name in ("rustc", "cargo", "linker"):
        assert not found[name].is_ok
        assert found[name].is_required
        assert found[name].mend
    assert result.exit_code == 1
    assert "mend it: curl" in result.output


def test_missing_bubblewrap_is_said_but_not_required(monkeypatch):
    monkeypatch.setenv("SLEEPY_BWRAP", "no-such-bwrap")
    confinement.cache_clear()
    try:
        found = by_name()["bubblewrap"]
    finally:
        confinement.cache_clear()

    assert not found.is_ok
    assert not found.is_required
    assert "no-such-bwrap was not found" in found.detail
    assert "--allow-unconfined" in found.detail


def test_missing_torch_is_required(monkeypatch):
    monkeypatch.setattr(doctor_module.importlib.util, "find_spec", lambda _name: None)

    found = by_name()["torch"]

    assert (found.is_ok, found.is_required) == (False, True)
    assert found.mend == f"{sys.executable} -m pip install torch"


@pytest.mark.parametrize(("free", "is_ok"), [(10**9, False), (10**10, True)])
def test_disk_space_is_compared_with_what_weights_need(monkeypatch, free, is_ok):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 0, free))

    found = by_name()["disk"]

    assert found.is_ok is is_ok
    assert bool(found.mend) is not is_ok


def test_cached_weights_are_told_from_those_to_fetch(monkeypatch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "small.gguf").touch()
    fake = SimpleNamespace(cache_dir=lambda: tmp_path, REGISTRY={"small": 1, "large": 2})
    monkeypatch.setitem(sys.modules, "sleepy_coder.weights", fake)
    monkeypatch.setattr(sleepy_coder, "weights", fake, raising=False)

    small, large = [f for f in examine() if f.name == "weights"]

    assert (small.is_ok, small.mend) == (True, "")
    assert (large.is_ok, large.is_required) == (False, False)
    assert "--model large" in large.mend


def test_the_command_that_fetches_weights_is_one_that_sleepy_takes():
    _, *arguments = _FETCH.format(name="large").split()
    context = main.make_context("sleepy", arguments)
    name, command, rest = main.resolve_command(context, arguments)
    assert command.make_context(name, rest, parent=context).params["model"] == "large"


def test_line_shows_the_mend_of_what_is_missing_only():
    fine = Finding("thing", is_ok=True, detail="1.0", mend="install thing")
    bad = Finding("thing", is_ok=False, detail="gone", mend="install thing")

    assert render_finding(fine).split() == ["ok", "thing", "1.0"]
    assert render_finding(bad).split("\n")[1].strip() == "mend it: install thing"
    assert render_finding(bad).startswith("missing")
