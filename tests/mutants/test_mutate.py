import pytest

from sleepy_coder.judge import compile_source
from sleepy_coder.mutants.mutate import mutate
from sleepy_coder.mutants.prune import Checked

CODE = """use std::collections::HashMap;

#[derive(Debug, Clone)]
pub struct Ledger {
    totals: HashMap<String, u64>,
}

impl Ledger {
    pub fn add(&mut self, name: &str, amount: u32) {
        *self.totals.entry(name.to_string()).or_insert(0) += amount as u64;
    }

    pub fn total(&self, name: &str) -> Option<u64> {
        self.totals.get(name).copied()
    }
}

pub fn copy(ledger: &Ledger) -> Ledger {
    ledger.clone()
}
"""


@pytest.fixture
def check(sandbox):
    def compile_(code):
        done = compile_source(code, crate_type="lib", edition="2021", sandbox=sandbox)
        return Checked(done.is_ok, done.diagnostics)

    return compile_


def test_every_mutant_is_refused_for_a_reason_of_its_own(check):
    found = mutate(CODE, "seed", check, limit=5)
    assert len(found) == 5
    assert len({mutant.operator for mutant in found}) == 5
    for mutant in found:
        assert mutant.buggy != CODE
        assert mutant.error_code.startswith("E0")
        assert mutant.messages


def test_equal_seeds_give_equal_mutants_and_others_do_not(check):
    first = mutate(CODE, "a", check, limit=3)
    assert mutate(CODE, "a", check, limit=3) == first
    assert mutate(CODE, "b", check, limit=3) != first


def test_what_still_compiles_is_no_mutant():
    assert mutate(CODE, "seed", lambda _: Checked(is_ok=True, messages=()), limit=5) == []


def test_a_program_full_of_errors_is_no_single_slip():
    def many_errors(_):
        error = {"level": "error", "code": {"code": "E0425"}, "spans": [{}]}
        return Checked(is_ok=False, messages=(error,) * 5)

    assert mutate(CODE, "seed", many_errors, limit=5) == []
