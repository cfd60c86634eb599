"""What the base model says of problems by itself, judged, and its verified answers as targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sleepy_coder.judge import Outcome, judge_candidates
from sleepy_coder.problems import Problem
from sleepy_coder.prompt import extract_code
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.train.own_answers import minimize_answers
from sleepy_coder.workbench import Workbench


def judge_strategy(
    problems: Sequence[Problem], strategy: str, bench: Workbench
) -> dict[str, tuple[Outcome, str | None]]:
    """Return problem id -> the outcome of one strategy's answer, and the program it gave.

    Raises:
        InputError: The workbench lacks the model, the tasks or the sandbox that this takes.
    """
    answers = STRATEGIES[strategy].propose(problems, replace(bench, on_done=lambda _: None))
    codes = [extract_code(answer.output) for answer in answers]
    pairs = list(zip(problems, codes, strict=True))
    verdicts = judge_candidates(pairs, bench.require_sandbox("learning"))
    return {
        problem.id: (verdict.outcome, code)
        for (problem, code), verdict in zip(pairs, verdicts, strict=True)
    }


def collect_own_answers(
    problems: Sequence[Problem], bench: Workbench, strategies: Sequence[str] = ("base", "hints")
) -> dict[str, str]:
    """Return problem id -> a verified answer of the base model, reduced to what the repair needs.

    Each strategy is asked about what those before it did not solve.
    """
    found: dict[str, str] = {}
    left = list(problems)
    for strategy in strategies:
        judged = judge_strategy(left, strategy, bench)
        solved = [(p, judged[p.id][1] or "") for p in left if judged[p.id][0] == "pass"]
        found |= _minimized(solved, bench)
        left = [p for p in left if judged[p.id][0] != "pass"]
    return found


def _minimized(solved: Sequence[tuple[Problem, str]], bench: Workbench) -> Mapping[str, str]:
    reduced = minimize_answers(solved, bench.require_sandbox("learning"))
    return {
        problem.id: code
        for (problem, _), code in zip(solved, reduced, strict=True)
        if code is not None
    }
