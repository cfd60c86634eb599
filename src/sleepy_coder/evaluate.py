"""Generate answers, judge them, or both; each step can stop and go on where it stopped.

A generations file holds one JSON object a line and is only ever appended to. A line is taken over
from an earlier run when its strategy and its prompt's hash still match; anything else is generated
again. That a line is whole is its newline: a torn last line is dropped.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import InputError
from sleepy_coder.judge import Verdict, judge_candidates
from sleepy_coder.problems import Problem, ProblemSet
from sleepy_coder.prompt import extract_code
from sleepy_coder.repair import STRATEGIES, resume_key
from sleepy_coder.results import ProblemResult, RunRecord, describe_environment
from sleepy_coder.workbench import Generation, Workbench

if TYPE_CHECKING:
    from sleepy_coder.sandbox import Sandbox

OnGeneration = Callable[[Generation], None]


@dataclass(frozen=True)
class RunInfo:
    """What made a file of answers: kept beside it, and in the record once they are judged.

    Attributes:
        model: Its name and sha256, or None for a strategy without one.
        config: `Workbench.config`.
        environment: `describe_environment` of where the answers were generated; `answers_made_on`
            where they may have been found instead (`AnswerCache.made_on`).
        store: `ServedTasks.describe`, or None for a strategy that uses no learned tasks.
    """

    model: Mapping[str, Any] | None
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    store: Mapping[str, Any] | None = None


def describe_run(strategy: str, bench: Workbench) -> RunInfo:
    """Return what a strategy's answers on this workbench are made by."""
    model = bench.model if STRATEGIES[strategy].needs_model else None
    learned = bench.learned if STRATEGIES[strategy].serves else None
    environment = describe_environment(str(model.device) if model else None)
    if model is not None and bench.answers is not None and (places := bench.answers.made_on()):
        environment["answers_made_on"] = places
    return RunInfo(
        model={"name": model.public_name, "sha256": model.sha256} if model else None,
        config=bench.config(),
        environment=environment,
        store=learned.describe() if learned else None,
    )


def run_info_path(generations: Path) -> Path:
    """Return where the description of a generations file lies."""
    return generations.with_suffix(".run.json")


def save_run_info(info: RunInfo, generations: Path) -> None:
    """Write the description of a generations file beside it."""
    run_info_path(generations).write_text(json.dumps(dataclasses.asdict(info), indent=1) + "\n")


def load_run_info(generations: Path) -> RunInfo:
    """Return the description beside a generations file.

    Raises:
        InputError: It is missing or malformed.
    """
    path = run_info_path(generations)
    try:
        return RunInfo(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected what `sleepy generate` writes beside "
            f"{generations.name}"
        ) from error


@dataclass(frozen=True)
class Selection:
    """Which problems of a set to run: all, the first few, or those with given ids."""

    limit: int | None = None
    ids: tuple[str, ...] = ()

    def apply(self, problem_set: ProblemSet) -> list[Problem]:
        """Return the chosen problems in the set's order.

        Raises:
            InputError: An id is not in the set.
        """
        known = {p.id for p in problem_set.problems}
        if unknown := [i for i in self.ids if i not in known]:
            raise InputError(f"--ids: {unknown[0]} is not in set {problem_set.name}")
        chosen = [p for p in problem_set.problems if not self.ids or p.id in self.ids]
        return chosen[: self.limit]


def parse_generation(line: str, where: str) -> Generation:
    """Return the generation in one line of JSON.

    Raises:
        InputError: The line is not JSON or lacks a field; names `where`.
    """
    try:
        raw = json.loads(line)
        fields = {f.name for f in dataclasses.fields(Generation)}
        return Generation(**{k: v for k, v in raw.items() if k in fields})
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: not a generation: {error}") from error


def load_generations(path: Path) -> dict[str, Generation]:
    """Return problem id -> generation of a file; a later line replaces an earlier one.

    Raises:
        InputError: The file cannot be read or a whole line is malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    found = [
        parse_generation(line, f"{path}:{number}")
        for number, line in enumerate(lines[:-1], 1)
        if line.strip()
    ]
    return {g.id: g for g in found}


def _whole_lines_bytes(path: Path) -> int:
    """Return the length of a file without the torn line that an interruption left at its end."""
    return path.read_bytes().rfind(b"\n") + 1


def generate(
    problems: Sequence[Problem],
    strategy: str,
    bench: Workbench,
    path: Path,
    *,
    on_done: OnGeneration = lambda _: None,
) -> list[Generation]:
    """Answer every problem with one strategy, appending each answer to `path` as it comes.

    An answer that the file already holds is kept when its program, prompt, model and settings are
    the same (`repair.resume_key`); all others are made again and replace it.
    """
    keys = {p.id: resume_key(p, strategy, bench) for p in problems}
    earlier = load_generations(path) if path.exists() else {}
    found = {i: g for i, g in earlier.items() if keys.get(i) == g.key}
    for generation in found.values():
        on_done(generation)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.truncate(_whole_lines_bytes(path))

        def keep(generation: Generation) -> None:
            found[generation.id] = dataclasses.replace(generation, key=keys[generation.id])
            line = json.dumps(dataclasses.asdict(found[generation.id]), ensure_ascii=False)
            file.write(f"{line}\n".encode())
            file.flush()
            on_done(generation)

        left = [p for p in problems if p.id not in found]
        size = _group_size(strategy, bench) or len(left)
        for start in range(0, len(left), size or 1):
            group = left[start : start + size]
            STRATEGIES[strategy].propose(group, dataclasses.replace(bench, on_done=keep))
    return [found[p.id] for p in problems]


def _group_size(strategy: str, bench: Workbench) -> int | None:
    """Return how many problems to answer at a time so that an interruption loses few answers.

    None where every answer is kept as soon as it is there. Where several steps lead to one, the
    last step's come all at the end.
    """
    has_steps = STRATEGIES[strategy].needs_rust or bench.attempts > 1
    if bench.model is None or not has_steps:
        return None
    return 8 if str(bench.model.device) == "cpu" else 128


def judge(
    problem_set: ProblemSet,
    generations: Sequence[Generation],
    sandbox: Sandbox,
    info: RunInfo,
    *,
    cycle: int | None = None,
    seed: int = 0,
) -> RunRecord:
    """Judge answers against the hidden checks and return the record of the run.

    Raises:
        InputError: An answer is for a problem that the set does not hold, answers of several
            strategies are mixed, or there is none.
    """
    by_id = {p.id: p for p in problem_set.problems}
    if unknown := [g.id for g in generations if g.id not in by_id]:
        raise InputError(f"{unknown[0]}: is not in set {problem_set.name}; pass the right --set")
    strategies = sorted({g.strategy for g in generations})
    if len(strategies) != 1:
        raise InputError(f"generations are of strategies {strategies}, expected exactly one")
    pairs = [(by_id[g.id], extract_code(g.output)) for g in generations]
    verdicts = judge_candidates(pairs, sandbox)
    return RunRecord(
        strategy=strategies[0],
        model=info.model,
        store=info.store,
        problem_set={
            "name": problem_set.name,
            "sha256": problem_set.sha256,
            "size": len(problem_set.problems),
        },
        config=info.config,
        seed=seed,
        cycle=cycle,
        problems=[
            _result(by_id[g.id], g, verdict)
            for g, verdict in zip(generations, verdicts, strict=True)
        ],
        environment={"generation": info.environment, "judging": describe_environment()},
    )


def _result(problem: Problem, generation: Generation, verdict: Verdict) -> ProblemResult:
    return ProblemResult(
        id=problem.id,
        family=problem.family,
        pattern=problem.pattern,
        route=generation.route["task"] if generation.route else None,
        outcome=verdict.outcome,
        detail=verdict.detail,
        output=generation.output,
        tokens_in=generation.tokens_in,
        tokens_out=generation.tokens_out,
        attempts=generation.attempts,
        seconds=round(generation.seconds, 3),
        task=generation.task,
    )
