"""Answers to problems, judged; the base model's verified ones as targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sleepy_coder.judge import Outcome, judge_candidates
from sleepy_coder.problems import Problem
from sleepy_coder.prompt import extract_code
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.train.own_answers import minimize_answers
from sleepy_coder.workbench import Workbench


@dataclass(frozen=True)
class Judged:
    """An answer and what became of it.

    Attributes:
        code: The program in it, None where there is none.
        task: The learned task that gave it; None is the base model.
        log_probability: Of the answer, in nats.
    """

    outcome: Outcome
    code: str | None
    task: str | None
    log_probability: float | None


def judge_strategy(
    problems: Sequence[Problem], strategy: str, bench: Workbench
) -> dict[str, Judged]:
    """Return problem id -> one strategy's answer, judged.

    Raises:
        InputError: The workbench lacks the model, the tasks or the sandbox that this takes.
    """
    answers = STRATEGIES[strategy].propose(problems, replace(bench, on_done=lambda _: None))
    codes = [extract_code(answer.output) for answer in answers]
    pairs = list(zip(problems, codes, strict=True))
    verdicts = judge_candidates(pairs, bench.require_sandbox("learning"))
    return {
        answer.id: Judged(verdict.outcome, code, answer.task, answer.log_probability)
        for answer, code, verdict in zip(answers, codes, verdicts, strict=True)
    }


def collect_own_answers(
    problems: Sequence[Problem], bench: Workbench, strategies: Sequence[str] = ("base", "hints")
) -> dict[str, str]:
    """Return problem id -> a verified answer, reduced to what the repair needs.

    Each strategy is asked about what those before it did not solve.
    """
    found: dict[str, str] = {}
    left = list(problems)
    for strategy in strategies:
        judged = judge_strategy(left, strategy, bench)
        solved = [(p, judged[p.id].code or "") for p in left if judged[p.id].outcome == "pass"]
        reduced = minimize_answers(solved, bench.require_sandbox("learning"))
        for (problem, _), code in zip(solved, reduced, strict=True):
            if code is not None:
                found[problem.id] = code
        left = [p for p in left if judged[p.id].outcome != "pass"]
    return found
