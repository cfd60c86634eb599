import json

import pytest
from click.testing import CliRunner

from sleepy_coder.cli import main
from sleepy_coder.errors import InputError
from sleepy_coder.mutants.build import (
    compare_with_manifest,
    fingerprints_before,
    load_manifest,
    save_manifest,
)
from sleepy_coder.mutants.selection import Fingerprint
from sleepy_coder.problems import load_set
from sleepy_coder.proof import prove_problem

SOURCE = """/// The tides of one place.
#[derive(Debug, Clone, Default)]
pub struct Tides {
    heights: Vec<f64>,
    place: String,
}

impl Tides {
    pub fn named(place: &str) -> Self {
        Tides { heights: Vec::new(), place: place.to_string() }
    }

    pub fn add(&mut self, height: f64) -> usize {
        self.heights.push(height);
        self.heights.len()
    }

    pub fn highest(&self) -> Option<f64> {
        self.heights.iter().copied().reduce(f64::max)
    }
}

pub fn describe(tides: &Tides) -> String {
    match tides.highest() {
        Some(height) => format!("{}: {height}", tides.place),
        None => tides.place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_is_described() {
        let mut tides = Tides::named("Husum");
        tides.add(1.5);
        tides.add(3.5);
        assert_eq!(describe(&tides), "Husum: 3.5");
    }
}
"""
RECIPE = """seed = 0
crates = [
  { part = "transfer", name = "tide", licence = "MIT", package = "librust-tide-dev", \
version = "1.0-1", sha256 = "00" },
]
[parts]
"""
LIMITS = """problems = 9
files_per_crate = 14
programs_per_file = 3
programs_per_crate = 2
problems_per_program = 4
problems_per_pattern = 2
"""


def _print(name="transfer-1", part="transfer", content="a"):
    return Fingerprint(name, part, "missing_mut", "tide", (content, "b"), ("c", "d"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `sleepy mutants` on a cache that holds one crate already."""
    root = tmp_path / "mutants/crates/librust-tide-dev_1.0-1/usr/share/cargo/registry/tide-1.0/src"
    root.mkdir(parents=True)
    (root / "lib.rs").write_text(SOURCE, encoding="utf-8")
    parts = [f"[parts.{part}]\n{LIMITS}" for part in ("train", "gate", "transfer")]
    (tmp_path / "r.toml").write_text(RECIPE + "".join(parts), encoding="utf-8")
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path))
    monkeypatch.setattr("os.nice", lambda _: 0)

    def run_(command, *arguments):
        places = ["--recipe", str(tmp_path / "r.toml"), "--manifest", str(tmp_path / "m.jsonl")]
        called = ["mutants", command, *arguments, *places, "--allow-unconfined"]
        return CliRunner().invoke(main, called)

    return run_


def test_a_part_is_built_proved_and_told_again(run, tmp_path, sandbox):
    out = tmp_path / "transfer.jsonl"
    done = run("build", "--part", "transfer", "--out", str(out), "--write-manifest")
    assert done.exit_code == 0, done.output
    problems = load_set(out).problems
    assert len(problems) == 4
    assert all(problem.check.kind == "tests" for problem in problems)
    assert all(prove_problem(problem, sandbox).is_sound for problem in problems[:2])
    assert "fn describe" not in (tmp_path / "m.jsonl").read_text(encoding="utf-8")
    assert run("verify", "--part", "transfer", "--fresh").exit_code == 0

    row, *rows = (tmp_path / "m.jsonl").read_text(encoding="utf-8").splitlines()
    changed = json.dumps({**json.loads(row), "content": ["0", "0"]})
    (tmp_path / "m.jsonl").write_text("\n".join([changed, *rows]), encoding="utf-8")
    assert run("verify", "--part", "transfer").exit_code == 1


def test_a_part_is_not_built_before_those_that_it_gives_way_to(run, tmp_path):
    done = run("build", "--part", "train", "--out", str(tmp_path / "train.jsonl"))
    assert done.exit_code == 2
    assert "gate, transfer" in done.output


def test_a_manifest_is_read_back(tmp_path):
    path = tmp_path / "m.jsonl"
    save_manifest(path, "transfer", [_print()])
    save_manifest(path, "gate", [_print("gate-1", "gate")])
    save_manifest(path, "transfer", [_print("transfer-2")])
    assert load_manifest(path) == [_print("gate-1", "gate"), _print("transfer-2")]


@pytest.mark.parametrize("line", ["{", '{"id": "x"}', "[]", '{"part": 3}'])
def test_a_malformed_manifest_is_refused(tmp_path, line):
    (tmp_path / "m.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(InputError, match=r"m\.jsonl:1"):
        load_manifest(tmp_path / "m.jsonl")


def test_gate_gives_way_to_transfer_and_train_to_both():
    manifest = [_print(), _print("gate-1", "gate")]
    assert fingerprints_before("transfer", manifest) == []
    assert fingerprints_before("gate", manifest) == manifest[:1]
    assert fingerprints_before("train", manifest) == manifest


def test_every_difference_from_the_manifest_is_told():
    recorded = [_print("transfer-1"), _print("transfer-2"), _print("gate-1", "gate")]
    built = [_print("transfer-2", content="x"), _print("transfer-3")]
    told = " ".join(compare_with_manifest("transfer", built, recorded))
    assert "transfer-1 is in the manifest" in told
    assert "transfer-2 has another" in told
    assert "transfer-3 was built" in told
    assert "gate-1" not in told
