"""Strategies: how a broken program becomes an answer.

A strategy maps problems to `Generation`s, one each, in the problems' order. None of them sees the
hidden check: what a strategy may verify is what its user could verify too, namely that the
compiler accepts the program and that nothing was taken out of it (`accept`).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics
from sleepy_coder.errors import InputError
from sleepy_coder.judge import compile_source, judge_candidates
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.problems import Check, Problem
from sleepy_coder.prompt import (
    Attempt,
    extract_code,
    prompt_sha256,
    render_answer,
    render_messages,
)
from sleepy_coder.router import Route, route
from sleepy_coder.rustfix import apply_rustfix

if TYPE_CHECKING:
    from sleepy_coder.model import Completion, RepairModel
    from sleepy_coder.sandbox import Sandbox


@dataclass(frozen=True)
class Generation:
    """One answer to one problem, as a line of a generations file."""

    id: str
    strategy: str
    route: Mapping[str, Any] | None
    prompt_sha256: str
    output: str
    tokens_in: int
    tokens_out: int
    seconds: float
    attempts: int = 1
    key: str = ""  # what the answer depends on, see `resume_key`


@dataclass(frozen=True)
class Workbench:
    """What a strategy may use.

    Attributes:
        model: The base model; None for strategies that need none.
        sandbox: Where rustc runs; None for strategies that need no compiler.
        attempts: Answers a problem may take, each shown what the compiler said of the one before.
        max_new_tokens: Limit of one answer, in tokens.
        use_full_rendering: Prompt with rustc's own rendering in place of the compact one.
        on_done: Called with each finished generation, in any order.
    """

    model: RepairModel | None = None
    sandbox: Sandbox | None = None
    attempts: int = 1
    max_new_tokens: int = 1024
    use_full_rendering: bool = False
    on_done: Callable[[Generation], None] = field(default=lambda _: None)

    def config(self) -> dict[str, Any]:
        """Return the settings that an answer depends on, for result files."""
        return {
            "attempts": self.attempts,
            "max_new_tokens": self.max_new_tokens,
            "diagnostics": "full" if self.use_full_rendering else "compact",
            "dtype": str(self.model.dtype).removeprefix("torch.") if self.model else None,
        }

    def require_model(self, strategy: str) -> RepairModel:
        """Return the model, or say that the strategy cannot do without."""
        if self.model is None:
            raise InputError(f"strategy {strategy}: got no model, expected one; pass --model")
        return self.model

    def require_sandbox(self, strategy: str) -> Sandbox:
        """Return the sandbox, or say that the strategy cannot do without."""
        if self.sandbox is None:
            raise InputError(
                f"strategy {strategy}: needs rustc to check its steps, which `sleepy generate` "
                "does not run; use `sleepy eval`"
            )
        return self.sandbox


Propose = Callable[[Sequence[Problem], Workbench], list[Generation]]


@dataclass(frozen=True)
class Strategy:
    """A named way from problems to answers."""

    name: str
    summary: str
    needs_model: bool
    needs_rust: bool
    propose: Propose


def accept(pairs: Sequence[tuple[Problem, str | None]], sandbox: Sandbox) -> list[bool]:
    """Whether each answer compiles and keeps its program's items; behaviour is not looked at."""
    visible = [(_without_answer(problem), code) for problem, code in pairs]
    return [verdict.outcome == "pass" for verdict in judge_candidates(visible, sandbox)]


def _without_answer(problem: Problem) -> Problem:
    """Return the problem as its user sees it: no reference fix, no hidden check."""
    return replace(problem, fixed=None, check=Check(kind="compile", expect=None, code=None))


def _propose_rustfix(name: str, *, allow_maybe_incorrect: bool) -> Propose:
    def propose(problems: Sequence[Problem], bench: Workbench) -> list[Generation]:
        sandbox = bench.require_sandbox(name)
        generations = []
        for problem in problems:
            start = time.perf_counter()
            code = apply_rustfix(
                problem.buggy,
                crate_type=problem.crate_type,
                edition=problem.edition,
                sandbox=sandbox,
                allow_maybe_incorrect=allow_maybe_incorrect,
            )
            seconds = time.perf_counter() - start
            generations.append(
                Generation(problem.id, name, None, "", render_answer(code), 0, 0, seconds)
            )
            bench.on_done(generations[-1])
        return generations

    return propose


@dataclass
class _Dialogue:
    """The state of one problem while a model works on it."""

    problem: Problem
    diagnostics: list[Diagnostic]
    route: Route | None
    hint: str | None
    history: list[Attempt] = field(default_factory=list)
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0

    def messages(self, bench: Workbench) -> list[dict[str, str]]:
        return render_messages(
            self.problem.buggy,
            self.diagnostics,
            hint=self.hint,
            history=self.history,
            use_full_rendering=bench.use_full_rendering,
        )

    def finish(self, name: str, completion: Completion, bench: Workbench) -> Generation:
        """Return the generation after one more completion, its costs added up."""
        self.tokens_in += completion.tokens_in
        self.tokens_out += completion.tokens_out
        self.seconds += completion.seconds
        return Generation(
            id=self.problem.id,
            strategy=name,
            route={"task": self.route.task, "score": self.route.score} if self.route else None,
            prompt_sha256=prompt_sha256(self.messages(bench)),
            output=completion.text,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            seconds=round(self.seconds, 3),
            attempts=len(self.history) + 1,
        )


def open_dialogue(problem: Problem, *, use_hint: bool) -> _Dialogue:
    """Return the start of a model's work on a problem: its diagnostics, route and hint."""
    if problem.diagnostics is None:
        raise InputError(
            f"{problem.id}: has no diagnostics, expected rustc's; "
            "run `sleepy problems check --write` on the set"
        )
    diagnostics = parse_diagnostics(problem.diagnostics)
    chosen = route(diagnostics, problem.buggy)
    hint = PATTERNS[chosen.task].hint if use_hint and chosen and chosen.task in PATTERNS else None
    return _Dialogue(problem, diagnostics, chosen, hint)


def resume_key(problem: Problem, strategy: str, bench: Workbench) -> str:
    """Return a short hash of all that an answer depends on: program, prompt, model, settings.

    An interrupted run takes over an earlier answer when this has not changed.
    """
    prompt = open_dialogue(problem, use_hint=True).messages(bench) if problem.diagnostics else []
    model = bench.model.sha256 if bench.model and STRATEGIES[strategy].needs_model else None
    material = [strategy, model, bench.config(), problem.buggy, prompt]
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]


def _propose_with_model(name: str, *, use_hint: bool) -> Propose:
    def propose(problems: Sequence[Problem], bench: Workbench) -> list[Generation]:
        generations: dict[str, Generation] = {}
        dialogues = [open_dialogue(p, use_hint=use_hint) for p in problems]
        for remaining in range(bench.attempts, 0, -1):
            is_last = remaining == 1
            answered = _answer_all(name, dialogues, bench, is_last=is_last)
            generations |= {g.id: g for g in answered}
            dialogues = [] if is_last else _reopen(dialogues, generations, name, bench)
            if not dialogues:
                break
        return [generations[p.id] for p in problems]

    return propose


def _answer_all(
    name: str, dialogues: Sequence[_Dialogue], bench: Workbench, *, is_last: bool
) -> list[Generation]:
    """Ask the model for one answer in every dialogue."""
    generations: dict[int, Generation] = {}

    def keep(row: int, completion: Completion) -> None:
        generations[row] = dialogues[row].finish(name, completion, bench)
        if is_last:
            bench.on_done(generations[row])

    bench.require_model(name).generate(
        [d.messages(bench) for d in dialogues],
        max_new_tokens=bench.max_new_tokens,
        on_done=keep,
    )
    return [generations[row] for row in range(len(dialogues))]


def _reopen(
    dialogues: Sequence[_Dialogue],
    generations: Mapping[str, Generation],
    name: str,
    bench: Workbench,
) -> list[_Dialogue]:
    """Return the dialogues whose answer was not accepted, that answer added to their history."""
    sandbox = bench.require_sandbox(f"{name} with several attempts")
    open_: list[_Dialogue] = []
    pairs = [(d.problem, extract_code(generations[d.problem.id].output)) for d in dialogues]
    for dialogue, (problem, code), is_done in zip(
        dialogues, pairs, accept(pairs, sandbox), strict=True
    ):
        generation = generations[problem.id]
        if is_done:
            bench.on_done(generation)
            continue
        compiled = compile_source(
            code or "", crate_type=problem.crate_type, edition=problem.edition, sandbox=sandbox
        )
        dialogue.history.append(Attempt(generation.output, parse_diagnostics(compiled.diagnostics)))
        open_.append(dialogue)
    return open_


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
            propose=_propose_with_model("base", use_hint=False),
        ),
        Strategy(
            "hints",
            "base, with a sentence of advice for the routed pattern",
            needs_model=True,
            needs_rust=False,
            propose=_propose_with_model("hints", use_hint=True),
        ),
        Strategy(
            "cascade",
            "rustfix, then base; an answer stands once the compiler accepts it",
            needs_model=True,
            needs_rust=True,
            propose=_propose_cascade(["rustfix", "base"]),
        ),
    )
}
