"""One night: curate, train, gate, promote or leave.

The basis and every task but those that are promoted stay as they are, byte for byte. Nothing is
put in use before all is judged; an interrupted night has done nothing.
"""

from __future__ import annotations

import gc
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.episodes import load_episodes
from sleepy_coder.errors import InputError
from sleepy_coder.learned import LearnedTasks
from sleepy_coder.learning.answers import judge_strategy
from sleepy_coder.learning.sets import as_set
from sleepy_coder.night.config import NightConfig
from sleepy_coder.night.curate import Deal, can_judge_alone, deal, sift
from sleepy_coder.night.practice import generate_for_gate, generate_for_replay
from sleepy_coder.night.reports import NightReport, Outcome, PatternReport, load_nights, save_night
from sleepy_coder.night.ruling import Ruling, rule
from sleepy_coder.night.teach import Taught, teach, with_taught
from sleepy_coder.problems import Problem, ProblemSet, load_set
from sleepy_coder.sandbox import Sandbox
from sleepy_coder.share.store import load_store
from sleepy_coder.train.data import all_fingerprints, fingerprints, refuse_collisions
from sleepy_coder.train.recipe import OnStep
from sleepy_coder.versions import (
    SHIPPED,
    Pairs,
    add_version,
    current_number,
    default_store,
    load_version,
    only_night,
)
from sleepy_coder.workbench import Workbench

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.share.manifest import Store

LoadModel = Callable[[], "RepairModel"]


@dataclass(frozen=True)
class Plan:
    """What a pattern learns from, and what it is tried on.

    Attributes:
        replayed: Generated pairs that are learned with its own.
        generated: Generated problems that the gate asks beside the pairs that are held back.
        key: Of all that the outcome depends on.
    """

    pattern: str
    deal: Deal
    replayed: tuple[Problem, ...]
    generated: tuple[Problem, ...]
    key: str

    @property
    def asked(self) -> tuple[Problem, ...]:
        """All that the gate asks."""
        return self.deal.held_back + self.generated


@dataclass
class Night:
    """A night's work on one model.

    Attributes:
        load_trainer: Loads the frozen model to train under; it is let go before the next one.
        load_answerer: Loads the model as `sleepy fix` does.
        is_again: Try again what was tried before on the same pairs and settings.
        on_line: Called with a line on each stage.
        progress: From a pattern to what is told of its steps.
    """

    model: str
    sandbox: Sandbox
    config: NightConfig
    load_trainer: LoadModel
    load_answerer: LoadModel
    is_again: bool = False
    on_line: Callable[[str], None] = lambda _: None
    progress: Callable[[str], AbstractContextManager[OnStep]] = lambda _: nullcontext(
        lambda *_: None
    )
    reports: list[PatternReport] = field(default_factory=list)

    def run(self) -> NightReport:
        """Learn what can be learned; return what was done, which is kept as a report, too.

        Raises:
            InputError: The model has no store to grow from.
            EpisodeError: The record of repairs cannot be read.
            StoreError: The store in use cannot be read, or another night is at work.
        """
        began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        with only_night(self.model):
            sieve = sift(load_episodes(), self._core.problems)
            plans = [p for name in sorted(sieve.lessons) if (p := self._plan(name, sieve.lessons))]
            taught = self._teach(plans) if plans else {}
            rulings = self._try(plans, taught) if taught else {}
            promoted = {name: taught[name] for name, r in rulings.items() if r.is_promoted}
            version = self._promote(plans, promoted) if promoted else None
            self.reports += [_report(plan, taught, rulings) for plan in plans]
            counts = {k: v for k, v in asdict(sieve).items() if k.startswith("num_")}
            report = NightReport(
                model=self.model,
                parent=self._number,
                parent_sha256=self._store.sha256,
                config=asdict(self.config),
                repairs=counts,
                patterns=tuple(sorted(self.reports, key=lambda each: each.pattern)),
                version=version,
                time=started,
                seconds=round(time.monotonic() - began, 1),
            )
            save_night(report)
        return report

    @cached_property
    def _core(self) -> ProblemSet:
        return load_set("core")

    @cached_property
    def _number(self) -> int:
        return current_number(self.model)

    @cached_property
    def _store(self) -> Store:
        """The store in use, from which the next one grows."""
        path = default_store(self.model)
        if path is None:
            raise InputError(
                f"night: no store of learned tasks is shipped for model {self.model}; make one "
                "with `sleepy learn`"
            )
        return load_store(path)

    @cached_property
    def _seen(self) -> Mapping[str, Pairs]:
        return {} if self._number == SHIPPED else load_version(self.model, self._number).pairs

    @cached_property
    def _tried(self) -> frozenset[str]:
        """Keys of what earlier nights tried."""
        if self.is_again:
            return frozenset()
        nights = load_nights(self.model)
        return frozenset(each.key for night in nights for each in night.patterns if each.key)

    def _plan(self, pattern: str, lessons: Mapping[str, Sequence[Problem]]) -> Plan | None:
        """Return what to do about a pattern, None where it waits; the report says why."""
        own, seen = lessons[pattern], self._seen.get(pattern, Pairs())
        num_new = sum(problem.id not in seen.all for problem in own)
        if num_new < self.config.min_pairs:
            if num_new:
                reason = f"{num_new} new of the {self.config.min_pairs} pairs that it takes"
                self.reports.append(PatternReport(pattern, "waiting", reason, num_new))
            return None
        material = [self._store.sha256, pattern, sorted(p.id for p in own), asdict(self.config)]
        key = hashlib.sha256(json.dumps(material).encode()).hexdigest()
        if key in self._tried:
            reason = "the same was tried before; --again tries it once more"
            self.reports.append(PatternReport(pattern, "tried", reason, num_new, key))
            return None
        return self._prepare(pattern, deal(own, seen, can_judge_alone(self.sandbox)), key)

    def _prepare(self, pattern: str, dealt: Deal, key: str) -> Plan:
        """Return the plan for pairs that were dealt out, with generated ones."""
        config, seen = self.config, self._seen.get(pattern, Pairs())
        trained = all_fingerprints(dealt.trained).union(seen.marks)
        drawn = generate_for_gate(pattern, config.num_generated, self.sandbox)
        generated = [p for p in drawn if trained.isdisjoint(fingerprints(p))]
        asked = [*dealt.held_back, *generated]
        closed = all_fingerprints([*asked, *self._core.problems])
        replayed = generate_for_replay(
            pattern, config.num_replayed, config.seed, closed, self.sandbox
        )
        refuse_collisions([*dealt.trained, *replayed], [self._core, as_set("gate", asked)])
        self.on_line(
            f"{pattern}: {len(dealt.trained)} pairs and {len(replayed)} generated ones to learn, "
            f"{len(dealt.held_back)} and {len(generated)} to be tried on"
        )
        return Plan(pattern, dealt, tuple(replayed), tuple(generated), key)

    def _teach(self, plans: Sequence[Plan]) -> dict[str, Taught]:
        """Return pattern -> what was learned, for those that had pairs short enough."""
        self.on_line("loading the model to train")
        model, taught = self.load_trainer(), {}
        for plan in plans:
            own, replayed = plan.deal.trained, plan.replayed
            with self.progress(plan.pattern) as on_step:
                found = teach(
                    model, self._store, plan.pattern, own, replayed, self.config, on_step=on_step
                )
            if found is not None:
                taught[plan.pattern] = found
        del model
        gc.collect()  # its memory is needed for the one that answers
        return taught

    def _try(self, plans: Sequence[Plan], taught: Mapping[str, Taught]) -> dict[str, Ruling]:
        """Return pattern -> the gate's ruling, after both stores' answers."""
        tried = [plan for plan in plans if plan.pattern in taught]
        problems = [problem for plan in tried for problem in plan.asked]
        self.on_line(
            f"loading the model to answer {len(problems)} problems, with the tasks in use and with "
            "the new ones"
        )
        bench = Workbench(
            model=self.load_answerer(),
            sandbox=self.sandbox,
            max_new_tokens=self.config.max_new_tokens,
            answers=AnswerCache(),  # what the base model says first is asked once
        )
        before = self._solved(problems, bench, self._store)
        after = self._solved(problems, bench, with_taught(self._store, taught))
        return {
            plan.pattern: rule(
                {p.id: before[p.id] for p in plan.asked}, {p.id: after[p.id] for p in plan.asked}
            )
            for plan in tried
        }

    def _solved(
        self, problems: Sequence[Problem], bench: Workbench, store: Store
    ) -> dict[str, bool]:
        """Return problem id -> whether it is solved with a store's tasks, answering greedily."""
        model = bench.require_model("night")
        learned = LearnedTasks(model, store)
        try:
            judged = judge_strategy(problems, "routed", replace(bench, learned=learned))
        finally:
            learned.close()
        return {name: found.outcome == "pass" for name, found in judged.items()}

    def _promote(self, plans: Sequence[Plan], promoted: Mapping[str, Taught]) -> int:
        """Put a store with what passed the gate in use; return its number."""
        root = self._store.sha256
        if self._number != SHIPPED:
            root = load_version(self.model, self._number).shipped_sha256
        known = self._seen
        new = {
            p.pattern: p.deal.pairs_after(promoted[p.pattern].learned)
            for p in plans
            if p.pattern in promoted
        }
        seen = {name: known.get(name, Pairs()) | pairs for name, pairs in new.items()}
        version = add_version(
            self.model,
            with_taught(self._store, promoted),
            parent=self._number,
            parent_sha256=self._store.sha256,
            shipped_sha256=root,
            pairs={**self._seen, **seen},
        )
        self.on_line(f"version {version.number} is in use")
        return version.number


def _report(
    plan: Plan, taught: Mapping[str, Taught], rulings: Mapping[str, Ruling]
) -> PatternReport:
    """Return what became of a pattern that was tried."""
    found, ruling, dealt = taught.get(plan.pattern), rulings.get(plan.pattern), plan.deal
    details: dict[str, Any] = {
        "trained": len(found.learned) if found else 0,
        "replayed": len(plan.replayed),
        "held_back": len(dealt.held_back),
        "generated": len(plan.generated),
        "unjudged": dealt.num_unjudged,
        "left_out": len(dealt.left_out),
    }
    if found is None or ruling is None:
        closed = "each shares a program with one that is held back"
        reason = "all pairs are too long" if dealt.trained else closed
        return PatternReport(plan.pattern, "left", reason, dealt.num_new, plan.key, details)
    losses = found.report.losses[plan.pattern]
    details |= {
        "too_long": len(dealt.trained) - len(found.learned),
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
        "train_seconds": round(found.report.seconds, 1),
        "gate": asdict(ruling),
    }
    outcome: Outcome = "promoted" if ruling.is_promoted else "left"
    return PatternReport(plan.pattern, outcome, ruling.reason, dealt.num_new, plan.key, details)
