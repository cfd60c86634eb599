"""A model's work on problems: prompts out, answers in, over one or several attempts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.answer_cache import AnswerCache, question_key
from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics, select_errors
from sleepy_coder.edits import apply_edits
from sleepy_coder.errors import InputError
from sleepy_coder.judge import accept, compile_source
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.prompt import (
    AnswerForm,
    Attempt,
    extract_code,
    is_no_repair,
    prompt_sha256,
    render_answer,
    render_messages,
)
from sleepy_coder.router import Route, route
from sleepy_coder.syntax import normalized
from sleepy_coder.workbench import Generation, Workbench

if TYPE_CHECKING:
    from sleepy_coder.model import Completion, RepairModel
    from sleepy_coder.problems import Problem

# Of 6,000 repairs of mutants and generated programs one in a thousand takes more than 285 as edits.
_MOST_EDIT_TOKENS = 320
# None of 20,898 reference fixes is longer than twice the broken program and 256 tokens.
_MOST_PROGRAM_FACTOR, _MOST_ADDED_TOKENS = 2, 256
# Nats; of an answer that is less in doubt one is as sure as can be.
_CERTAIN = 0.1
_SUREST = 0.0  # log-probability, in nats, of an answer that a task could not be surer of
# From a problem's route to the learned task that answers, or none.
ChooseTask = Callable[[Route | None, Workbench], str | None]


@dataclass(frozen=True)
class Voice:
    """Who answers, and how it is asked.

    Attributes:
        task: A learned task; None is the base model.
        answer_form: How that task was taught to answer.
        hint: A sentence of advice in the prompt.
        may_repeat: Whether the answer may be one that cannot be right: no program, or one that
            was turned down. If not, the model is made to look for another (`is_refused` of
            `RepairModel.generate`).
        min_doubt: From how much doubt of the base model on it is heard against that, see `doubt`.
    """

    task: str | None = None
    answer_form: AnswerForm = "program"
    hint: str | None = None
    may_repeat: bool = True
    min_doubt: float = math.inf


_PLAIN = Voice()  # the base model without advice
_NO_REPEAT = Voice(may_repeat=False)


@dataclass
class Dialogue:
    """The state of one problem while a model works on it.

    Attributes:
        voice: Who answers next.
        second: Who answers where the base model's answer is seen to be no repair, or is in doubt,
            if anyone does.
        doubted: The base model's answer, while a task is heard against it.
        spent: All answers so far, those that did not stand too.
    """

    problem: Problem
    diagnostics: list[Diagnostic]
    route: Route | None
    voice: Voice = _PLAIN
    second: Voice | None = None
    doubted: Completion | None = None
    history: list[Attempt] = field(default_factory=list)
    spent: list[Completion] = field(default_factory=list)

    def messages(self, bench: Workbench) -> list[dict[str, str]]:
        """Return the conversation up to the next answer."""
        return render_messages(
            self.problem.buggy,
            self.diagnostics,
            hint=self.voice.hint,
            history=self.history,
            use_full_rendering=bench.use_full_rendering,
            answer_form=self.voice.answer_form,
        )

    def max_new_tokens(self, model: RepairModel, bench: Workbench) -> int:
        """Return the next answer's limit; one much longer than the program has run away."""
        program = model.count_tokens(self.problem.buggy)
        return min(self._limit(bench), _MOST_PROGRAM_FACTOR * program + _MOST_ADDED_TOKENS)

    def _limit(self, bench: Workbench) -> int:
        """Return the limit whatever the program: edits are short."""
        limit = bench.max_new_tokens
        return limit if self.voice.answer_form == "program" else min(limit, _MOST_EDIT_TOKENS)

    def recall(self, model: RepairModel, bench: Workbench, cache: AnswerCache) -> Completion | None:
        """Return the next answer if it was given before.

        What was said freely is as good, unless it cannot be right.
        """
        found = cache.find(self.key(model, bench, may_repeat=True))
        if found is not None and (self.voice.may_repeat or not self.cannot_be_right(found.text)):
            return found
        return cache.find(self.key(model, bench))

    def remember(
        self, completion: Completion, model: RepairModel, bench: Workbench, cache: AnswerCache
    ) -> None:
        """Keep the next answer; one that was never refused is also what is said freely."""
        cache.add(self.key(model, bench), completion)
        if not self.voice.may_repeat and completion.num_turns == 0:
            cache.add(self.key(model, bench, may_repeat=True), completion)

    def key(self, model: RepairModel, bench: Workbench, *, may_repeat: bool | None = None) -> str:
        """Return the key under which the next answer is kept; by default the voice's own."""
        task = None
        if self.voice.task is not None and bench.learned is not None:
            task = (bench.learned.sha256, self.voice.task)
        return question_key(
            (model.sha256, str(model.dtype)),
            task,
            self.messages(bench),
            self._limit(bench),
            may_repeat=self.voice.may_repeat if may_repeat is None else may_repeat,
        )

    def cannot_be_right(self, answer: str) -> bool:
        """Whether an answer cannot be right: no repair, or one that was turned down before."""
        code = extract_code(self.read(answer) or "")
        if code is None or is_no_repair(code, self.problem):
            return True
        earlier = (extract_code(each.output) for each in self.history)
        return any(normalized(code) == normalized(each) for each in earlier if each is not None)

    def read(self, answer: str) -> str | None:
        """Return an answer with its edits made, or None where none of them fits the program."""
        if self.voice.answer_form == "program":
            return answer
        errors = select_errors(self.diagnostics)
        span = errors[0].primary if errors else None
        code = apply_edits(self.problem.buggy, answer, near=span.line_start if span else 1)
        return None if code is None else render_answer(code)

    def outweighs(self, completion: Completion, doubted: Completion) -> bool:
        """Whether a task's answer stands against the one of the base model that is in doubt."""
        found = doubt(doubted.log_probability, completion.log_probability)
        return found >= self.voice.min_doubt and not self.cannot_be_right(completion.text)

    def spend(self, completion: Completion) -> None:
        """Count what an answer took, once."""
        if not any(completion is other for other in self.spent):
            self.spent.append(completion)

    def finish(self, name: str, completion: Completion, bench: Workbench) -> Generation:
        """Return the generation after one more completion, its costs added up."""
        self.spend(completion)
        return Generation(
            id=self.problem.id,
            strategy=name,
            route=_describe(self.route),
            prompt_sha256=prompt_sha256(self.messages(bench)),
            output=self.read(completion.text) or completion.text,
            tokens_in=sum(each.tokens_in for each in self.spent),
            tokens_out=sum(each.tokens_out for each in self.spent),
            seconds=round(sum(each.seconds for each in self.spent), 3),
            attempts=len(self.history) + 1,
            log_probability=round(completion.log_probability, 4),
            task=self.voice.task,
        )

    def reopen(self, attempt: Attempt) -> None:
        """Go on after an answer that failed: the base model sees it and what is wrong with it."""
        self.history.append(attempt)
        self.voice, self.second, self.doubted = _NO_REPEAT, None, None


def doubt(base: float, task: float) -> float:
    """Return how many times less sure the base model is of its answer than a task of its own.

    Args:
        base: Log-probability of the base model's whole answer, in nats.
        task: The same of the task's.
    """
    return -base / (_CERTAIN - task)


def _describe(chosen: Route | None) -> Mapping[str, Any] | None:
    return {"task": chosen.task, "score": chosen.score} if chosen else None


def open_dialogue(
    problem: Problem,
    bench: Workbench,
    *,
    use_hint: bool = False,
    choose_task: ChooseTask = lambda *_: None,
    is_second: bool = False,
) -> Dialogue:
    """Return the start of a model's work on a problem.

    Args:
        problem: With diagnostics.
        bench: Its learned tasks say from how much doubt on they are heard.
        use_hint: Give advice for the pattern that the route leads to.
        choose_task: Which learned task answers.
        is_second: Let the base model answer first, plainly, unless the task needs no doubt at all;
            where that cannot be right, the voice asked for is heard and may not be wrong so.

    Raises:
        InputError: The problem has no diagnostics.
    """
    if problem.diagnostics is None:
        raise InputError(
            f"{problem.id}: has no diagnostics, expected rustc's; "
            "run `sleepy problems check --write` on the set"
        )
    diagnostics = parse_diagnostics(problem.diagnostics)
    chosen = route(diagnostics, problem.buggy)
    hint = PATTERNS[chosen.task].hint if use_hint and chosen and chosen.task in PATTERNS else None
    task = choose_task(chosen, bench)
    form = bench.learned.answer_form(task) if bench.learned else "program"
    voice = Voice(task, form, hint)
    if task is not None and bench.learned is not None:
        voice = replace(voice, min_doubt=bench.learned.min_doubt(task))
    if not is_second or voice.min_doubt <= 0:
        return Dialogue(problem, diagnostics, chosen, voice)
    second = replace(voice, may_repeat=False)
    if second == _NO_REPEAT:  # the base model all the way: one question does
        return Dialogue(problem, diagnostics, chosen, second)
    return Dialogue(problem, diagnostics, chosen, second=second)


def converse(name: str, dialogues: Sequence[Dialogue], bench: Workbench) -> list[Generation]:
    """Return an answer for each dialogue, after as many attempts as the workbench allows."""
    order = [dialogue.problem.id for dialogue in dialogues]
    generations: dict[str, Generation] = {}
    for remaining in range(bench.attempts, 0, -1):
        is_last = remaining == 1
        answered = _answer_all(name, dialogues, bench, is_last=is_last)
        generations |= {g.id: g for g in answered}
        dialogues = [] if is_last else _reopen(dialogues, generations, name, bench)
        if not dialogues:
            break
    return [generations[problem_id] for problem_id in order]


def _answer_all(
    name: str, dialogues: Sequence[Dialogue], bench: Workbench, *, is_last: bool
) -> list[Generation]:
    """Get one answer in every dialogue.

    The voice asked for answers, most often the base model's. Where its answer cannot be right (most
    often it repeats the program), the second voice does, and may not repeat it. Where that may be
    right but is in doubt, a learned task is heard too, and the surer answer stands. Edits that fit
    nowhere are left to the base model.
    """
    cache = bench.answers or AnswerCache()
    generations: dict[int, Generation] = {}
    misfits: list[int] = []
    seconds: list[int] = []

    def finish(row: int, completion: Completion) -> None:
        generations[row] = dialogues[row].finish(name, completion, bench)
        if is_last:
            bench.on_done(generations[row])

    def hear(row: int, completion: Completion) -> None:
        dialogue = dialogues[row]
        dialogue.spend(completion)
        if dialogue.read(completion.text) is None:
            dialogue.second = replace(dialogue.voice, may_repeat=False)
            dialogue.voice = _PLAIN
            misfits.append(row)
        elif dialogue.second is None:
            finish(row, completion)
        elif dialogue.cannot_be_right(completion.text):
            dialogue.voice, dialogue.second = dialogue.second, None
            seconds.append(row)
        elif doubt(completion.log_probability, _SUREST) >= dialogue.second.min_doubt:
            dialogue.doubted = completion
            dialogue.voice, dialogue.second = replace(dialogue.second, may_repeat=True), None
            seconds.append(row)
        else:
            finish(row, completion)

    def hear_second(row: int, completion: Completion) -> None:
        dialogue = dialogues[row]
        doubted = dialogue.doubted
        if doubted is not None and not dialogue.outweighs(completion, doubted):
            dialogue.spend(completion)
            completion, dialogue.voice = doubted, _PLAIN
        finish(row, completion)

    _ask(name, dialogues, range(len(dialogues)), bench, cache, hear)
    _ask(name, dialogues, sorted(misfits), bench, cache, hear)
    _ask(name, dialogues, sorted(seconds), bench, cache, hear_second)
    return [generations[row] for row in range(len(dialogues))]


def _ask(
    name: str,
    dialogues: Sequence[Dialogue],
    rows: Sequence[int],
    bench: Workbench,
    cache: AnswerCache,
    on_done: Callable[[int, Completion], None],
) -> None:
    """Have some of the dialogues answered; `on_done` gets their places among all.

    What was asked before is not asked again.
    """
    if not rows:
        return
    model = bench.require_model(name)
    fresh: list[int] = []
    for row in rows:
        found = dialogues[row].recall(model, bench, cache)
        if found is None:
            fresh.append(row)
        else:
            on_done(row, found)
    if not fresh:
        return

    asked = [dialogues[row] for row in fresh]

    def keep(place: int, completion: Completion) -> None:
        asked[place].remember(completion, model, bench, cache)
        on_done(fresh[place], completion)

    model.generate(
        [d.messages(bench) for d in asked],
        max_new_tokens=[d.max_new_tokens(model, bench) for d in asked],
        on_done=keep,
        tasks=[d.voice.task for d in asked],
        is_refused=[None if d.voice.may_repeat else d.cannot_be_right for d in asked],
    )


def _reopen(
    dialogues: Sequence[Dialogue],
    generations: Mapping[str, Generation],
    name: str,
    bench: Workbench,
) -> list[Dialogue]:
    """Return the dialogues whose answer was not accepted, that answer added to their history."""
    sandbox = bench.require_sandbox(f"{name} with several attempts")
    open_: list[Dialogue] = []
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
        dialogue.reopen(Attempt(generation.output, parse_diagnostics(compiled.diagnostics)))
        open_.append(dialogue)
    return open_
