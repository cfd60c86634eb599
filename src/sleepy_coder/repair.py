"""Strategies: how a broken program becomes an answer.

A strategy maps problems to `Generation`s, one each, in the problems' order. None of them sees the
hidden check: what a strategy may verify is what its user could verify too, namely that the
compiler accepts the program and that nothing was taken out of it (`judge.accept`).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from sleepy_coder.dialogue import ChooseTask, converse, open_dialogue
from sleepy_coder.errors import InputError
from sleepy_coder.judge import accept
from sleepy_coder.patterns import GENERAL
from sleepy_coder.problems import Problem
from sleepy_coder.prompt import extract_code, render_answer
from sleepy_coder.router import Route
from sleepy_coder.rustfix import apply_rustfix
from sleepy_coder.workbench import Generation, Serves, Workbench

Propose = Callable[[Sequence[Problem], Workbench], list[Generation]]


@dataclass(frozen=True)
class Strategy:
    """A named way from problems to answers.

    Attributes:
        serves: Which learned tasks it takes, if any.
        needs_tasks: It cannot do without them.
        needs_general: Nor without one that learned from many patterns together.
    """

    name: str
    summary: str
    needs_model: bool
    needs_rust: bool
    propose: Propose
    serves: Serves | None = None
    needs_tasks: bool = False
    needs_general: bool = False

    def is_possible(self, bench: Workbench) -> bool:
        """Whether the workbench has the learned tasks that the strategy cannot do without."""
        if bench.learned is None:
            return not self.needs_tasks
        return not self.needs_general or bench.learned.general() is not None


def _propose_rustfix(name: str, *, allow_maybe_incorrect: bool) -> Propose:
    def propose(problems: Sequence[Problem], bench: Workbench) -> list[Generation]:
        sandbox = bench.require_sandbox(name)

        def repair(problem: Problem) -> Generation:
            start = time.perf_counter()
            code = apply_rustfix(
                problem.buggy,
                crate_type=problem.crate_type,
                edition=problem.edition,
                sandbox=sandbox,
                allow_maybe_incorrect=allow_maybe_incorrect,
            )
            seconds = time.perf_counter() - start
            return Generation(problem.id, name, None, "", render_answer(code), 0, 0, seconds)

        generations = []
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for generation in pool.map(repair, problems):
                generations.append(generation)
                bench.on_done(generation)
        return generations

    return propose


def resume_key(problem: Problem, strategy: str, bench: Workbench) -> str:
    """Return a short hash of all that an answer depends on: program, prompt, model, settings.

    An interrupted run takes over an earlier answer when this has not changed.
    """
    chosen = STRATEGIES[strategy]
    prompt = (
        open_dialogue(problem, bench, use_hint=True).messages(bench) if problem.diagnostics else []
    )
    model = bench.model.sha256 if bench.model and chosen.needs_model else None
    tasks = bench.learned.sha256 if bench.learned and chosen.serves else None
    material = [strategy, model, tasks, bench.config(), problem.buggy, prompt]
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]


def _propose_with_model(
    name: str,
    *,
    use_hint: bool = False,
    choose_task: ChooseTask = lambda *_: None,
    is_second: bool = False,
) -> Propose:
    def propose(problems: Sequence[Problem], bench: Workbench) -> list[Generation]:
        how = {"use_hint": use_hint, "is_second": is_second}
        dialogues = [open_dialogue(p, bench, choose_task=choose_task, **how) for p in problems]
        return converse(name, dialogues, bench)

    return propose


def _by_route(name: str, options: str = "--store") -> ChooseTask:
    """Return the choice of the task that a problem's route leads to."""
    return lambda chosen, bench: bench.require_learned(name, options).task_of(chosen)


def _general(_chosen: Route | None, bench: Workbench) -> str:
    task = bench.require_learned("general").general()
    if task is None:
        raise InputError(
            f"strategy general: the store has no task {GENERAL!r}; `sleepy learn` makes one "
            "where its recipe has `shared` or `joint`"
        )
    return task


def _averaged(_chosen: Route | None, bench: Workbench) -> str | None:
    return bench.require_average("averaged").use_average()


def _propose_cascade(stages: Sequence[str]) -> Propose:
    """Return a strategy that tries others in turn; the first accepted answer of each stands.

    A problem that no stage gets accepted keeps the last stage's answer.
    """

    def propose(problems: Sequence[Problem], bench: Workbench) -> list[Generation]:
        sandbox = bench.require_sandbox("cascade")
        done: dict[str, Generation] = {}
        spent: dict[str, Generation] = {}
        quiet = replace(bench, on_done=lambda _: None)
        left = list(problems)
        for stage in stages:
            if not STRATEGIES[stage].is_possible(bench):
                continue
            is_last = stage == stages[-1]
            answers = STRATEGIES[stage].propose(left, quiet)
            answers = [_add_cost(a, spent.get(a.id)) for a in answers]
            spent |= {a.id: a for a in answers}
            pairs = [(p, extract_code(a.output)) for p, a in zip(left, answers, strict=True)]
            accepted = accept(pairs, sandbox)
            for answer, is_done in zip(answers, accepted, strict=True):
                if is_done or is_last:
                    done[answer.id] = replace(answer, strategy="cascade")
                    bench.on_done(done[answer.id])
            left = [p for p in left if p.id not in done]
        return [done[p.id] for p in problems]

    return propose


def _add_cost(answer: Generation, earlier: Generation | None) -> Generation:
    """Return an answer that also carries what the earlier stages spent on its problem."""
    if earlier is None:
        return answer
    return replace(
        answer,
        tokens_in=answer.tokens_in + earlier.tokens_in,
        tokens_out=answer.tokens_out + earlier.tokens_out,
        seconds=answer.seconds + earlier.seconds,
        attempts=answer.attempts + earlier.attempts,
    )


STRATEGIES: dict[str, Strategy] = {
    s.name: s
    for s in (
        Strategy(
            "rustfix",
            "rustc's own MachineApplicable suggestions, applied until nothing changes",
            needs_model=False,
            needs_rust=True,
            propose=_propose_rustfix("rustfix", allow_maybe_incorrect=False),
        ),
        Strategy(
            "rustfix-maybe",
            "rustfix with rustc's MaybeIncorrect suggestions as well",
            needs_model=False,
            needs_rust=True,
            propose=_propose_rustfix("rustfix-maybe", allow_maybe_incorrect=True),
        ),
        Strategy(
            "base",
            "the base model, shown the program and the compiler's errors",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("base"),
        ),
        Strategy(
            "hints",
            "base, with a sentence of advice for the routed pattern",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("hints", use_hint=True),
        ),
        Strategy(
            "base-again",
            "base, or another likely answer of it where its first is seen to be no repair",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("base-again", is_second=True),
        ),
        Strategy(
            "hints-second",
            "base, or hints where its answer is seen to be no repair",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("hints-second", use_hint=True, is_second=True),
        ),
        Strategy(
            "routed",
            "base, or the learned task of the diagnostics' route where base gives no repair or is "
            "in doubt",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("routed", choose_task=_by_route("routed"), is_second=True),
            serves="store",
            needs_tasks=True,
        ),
        Strategy(
            "routed-hints",
            "routed, with a sentence of advice for the routed pattern",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model(
                "routed-hints",
                use_hint=True,
                choose_task=_by_route("routed-hints"),
                is_second=True,
            ),
            serves="store",
            needs_tasks=True,
        ),
        Strategy(
            "routed-alone",
            "the learned task of the diagnostics' route, whatever the base model would say",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("routed-alone", choose_task=_by_route("routed-alone")),
            serves="store",
            needs_tasks=True,
        ),
        Strategy(
            "general",
            "base, or the task that learned from many patterns together where base gives no repair",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("general", choose_task=_general, is_second=True),
            serves="store",
            needs_tasks=True,
            needs_general=True,
        ),
        Strategy(
            "projected",
            "routed, with LoRA adapters projected onto the store's basis in place of its tasks",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model(
                "projected", choose_task=_by_route("projected", "--store and --adapters")
            ),
            serves="projected",
            needs_tasks=True,
        ),
        Strategy(
            "lora",
            "the LoRA adapter that the diagnostics are routed to; base where there is none",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("lora", choose_task=_by_route("lora", "--adapters")),
            serves="adapters",
            needs_tasks=True,
        ),
        Strategy(
            "averaged",
            "the mean of all patterns' tasks, for every program",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("averaged", choose_task=_averaged),
            serves="store",
            needs_tasks=True,
        ),
        Strategy(
            "cascade",
            "rustfix, routed and general (given a store), base-again; the first that rustc accepts "
            "stands",
            needs_model=True,
            needs_rust=True,
            propose=_propose_cascade(["rustfix", "routed", "general", "base-again"]),
            serves="store",
        ),
    )
}
