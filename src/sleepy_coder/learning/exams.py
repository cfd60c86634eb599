"""What a course asks, and how it is judged: each stage once, kept in a file of its own.

Among processes that joined (`train.distributed`) the problems of a stage are split; the first one
writes the file.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sleepy_coder.dialogue import doubt
from sleepy_coder.learned import LearnedTasks
from sleepy_coder.learning.answers import Judged, collect_own_answers, judge_strategy
from sleepy_coder.learning.gate import Trial
from sleepy_coder.learning.sets import source_of
from sleepy_coder.problems import Problem
from sleepy_coder.prompt import is_no_repair
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.results import save_json
from sleepy_coder.share.manifest import Store
from sleepy_coder.train.distributed import current_ranks
from sleepy_coder.workbench import Workbench


@dataclass(frozen=True)
class Exams:
    """The stages of a course in which problems are answered.

    Attributes:
        bench: The base model, without tasks, and the sandbox; `ask` needs none.
        folder: Where the stages are kept.
        key: Tells the files of this course from those of others.
        on_stage: Called with a line on each stage that was finished or found finished.
    """

    bench: Workbench
    folder: Path
    key: str
    on_stage: Callable[[str], None]

    def ask(self, strategy: str, problems: Sequence[Problem], store: Store | None = None) -> None:
        """Have problems answered, by a store's tasks if there is one, and not judged.

        The answers are kept, so that the stage in which they are judged finds them.
        """
        with self._under(store) as bench:
            answers = STRATEGIES[strategy].propose(_own_part(problems), bench)
        self.on_stage(f"{strategy}: {len(answers)} answers, not judged")
        current_ranks().wait()

    def base(self, problems: Sequence[Problem]) -> dict[str, Judged]:
        """Return problem id -> what the base model says by itself."""
        return self._judged("base", problems, lambda own: judge_strategy(own, "base", self.bench))

    def own_answers(self, problems: Sequence[Problem]) -> dict[str, str]:
        """Return problem id -> a verified answer of the base model, where it has one."""
        found = self._kept("own", problems, lambda own: collect_own_answers(own, self.bench))
        self.on_stage(f"own answers: {len(found)}")
        return found

    def trials(
        self,
        stage: str,
        problems: Sequence[Problem],
        base: Mapping[str, Judged],
        strategy: str,
        store: Store,
    ) -> dict[str, Trial]:
        """Return problem id -> how a store's tasks do, where one of them answers.

        Args:
            stage: Names the file.
            problems: What is asked.
            base: What the base model says of them.
            strategy: By which a task answers alone.
            store: The tasks.
        """

        def judge(own: Sequence[Problem]) -> dict[str, Judged]:
            with self._under(store) as bench:
                return judge_strategy(own, strategy, bench)

        tried = self._judged(stage, problems, judge)
        return {
            problem.id: _compare(problem, task, base[problem.id], tried[problem.id])
            for problem in problems
            if (task := tried[problem.id].task) is not None
        }

    @contextmanager
    def _under(self, store: Store | None) -> Iterator[Workbench]:
        """Lend the workbench with a store's tasks, for as long as they are resident."""
        if store is None:
            yield self.bench
            return
        learned = LearnedTasks(self.bench.require_model("learning"), store)
        try:
            yield replace(self.bench, learned=learned)
        finally:
            learned.close()

    def _judged(
        self,
        stage: str,
        problems: Sequence[Problem],
        judge: Callable[[Sequence[Problem]], dict[str, Judged]],
    ) -> dict[str, Judged]:
        def answer(own: Sequence[Problem]) -> dict[str, Any]:
            return {name: dataclasses.asdict(found) for name, found in judge(own).items()}

        kept = self._kept(stage, problems, answer)
        result = {name: Judged(**fields) for name, fields in kept.items()}
        passed = sum(judged.outcome == "pass" for judged in result.values())
        self.on_stage(f"{stage}: {passed} of {len(result)} solved")
        return result

    def _kept(
        self,
        stage: str,
        problems: Sequence[Problem],
        answer: Callable[[Sequence[Problem]], Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Return what a stage found, from its file; every process answers its part of a new one."""
        path = self.folder / f"{stage}-{self.key}.json"
        if not path.is_file():
            ranks = current_ranks()
            found = ranks.gather(answer(_own_part(problems)))
            if ranks.is_first:
                save_json(found, path)
            ranks.wait()
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept


def _own_part(problems: Sequence[Problem]) -> Sequence[Problem]:
    """Return the problems that fall to this process."""
    ranks = current_ranks()
    return ranks.split(problems, lambda problem: len(problem.buggy))[ranks.rank]


def _compare(problem: Problem, task: str, base: Judged, tried: Judged) -> Trial:
    """Return what the gate looks at: a problem as the base model and a task answer it."""
    ratio = 0.0
    if not is_no_repair(tried.code, problem):
        ratio = round(doubt(base.log_probability or 0.0, tried.log_probability or 0.0), 4)
    return Trial(
        task=task,
        is_solved_by_base=base.outcome == "pass",
        is_solved_by_task=tried.outcome == "pass",
        is_refused=is_no_repair(base.code, problem),
        doubt=ratio,
        source=source_of(problem),
    )
