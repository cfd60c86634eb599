"""Send generated programs, the core problems and programs of no pattern through the router.

    python benchmarks/router_confusion.py --out results/router.json

Every pattern's shapes take turns under two seeds that no test uses. The table says for each
pattern where its programs went; `by_score` says how often routes of each score were right, which
is what the score claims. Needs rustc, no weights; a few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.judge import compile_source
from sleepy_coder.metrics import pass_rate
from sleepy_coder.patterns import PATTERNS, generate_problems
from sleepy_coder.problems import load_set
from sleepy_coder.results import describe_environment
from sleepy_coder.router import RULES, Route, route
from sleepy_coder.sandbox import Sandbox, confinement

NONE = "none"
SEEDS = (1009, 2027)
_CASES = Path(__file__).parent.parent / "tests" / "router_cases"


@dataclass(frozen=True)
class Sent:
    """A program, the task it belongs to, and the route that it took."""

    name: str
    expected: str
    found: Route | None

    @property
    def task(self) -> str:
        """Where it went."""
        return self.found.task if self.found is not None else NONE

    @property
    def is_right(self) -> bool:
        """Whether that is where it belongs."""
        return self.task == self.expected


def send(programs: Sequence[tuple[str, str, str, str]], sandbox: Sandbox, jobs: int) -> list[Sent]:
    """Compile (name, expected task, crate type, source) and route what rustc says."""

    def send_one(program: tuple[str, str, str, str]) -> Sent:
        name, expected, crate_type, code = program
        compiled = compile_source(code, crate_type=crate_type, edition="2021", sandbox=sandbox)
        return Sent(name, expected, route(parse_diagnostics(compiled.diagnostics), code))

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(send_one, programs))


def confusion(sent: Sequence[Sent]) -> dict[str, dict[str, int]]:
    """Return for each expected task how many programs went where, most first."""
    table: dict[str, Counter[str]] = {}
    for one in sent:
        table.setdefault(one.expected, Counter())[one.task] += 1
    return {expected: dict(counts.most_common()) for expected, counts in table.items()}


def by_score(sent: Sequence[Sent]) -> dict[str, dict[str, int]]:
    """Return for each score how many routes carried it and how many of them were right."""
    scores = sorted({one.found.score for one in sent if one.found is not None}, reverse=True)
    return {
        str(score): {
            "routed": sum(one.found is not None and one.found.score == score for one in sent),
            "right": sum(
                one.found is not None and one.found.score == score and one.is_right for one in sent
            ),
        }
        for score in scores
    }


def summarize(sent: Sequence[Sent]) -> dict[str, Any]:
    """Return counts with a 95 % interval, and every program that went elsewhere."""
    return {
        **asdict(pass_rate(sum(one.is_right for one in sent), len(sent))),
        "no_route": sum(one.found is None for one in sent),
        "elsewhere": {
            one.name: {"expected": one.expected, "task": one.task}
            for one in sent
            if not one.is_right
        },
    }


def generated_programs(per_pattern: int) -> list[tuple[str, str, str, str]]:
    """Return the generated programs of all patterns and seeds."""
    return [
        (problem.id, name, problem.crate_type, problem.buggy)
        for seed in SEEDS
        for name in PATTERNS
        for problem in generate_problems(name, per_pattern, seed)
    ]


def main() -> None:
    """Measure, write the result file, print what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/router.json"))
    parser.add_argument("--per-pattern", type=int, default=5, help="programs a pattern and seed")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    sandbox = Sandbox(confine=confinement().is_working)
    generated = send(generated_programs(options.per_pattern), sandbox, options.jobs)
    core = send(
        [(p.id, p.pattern, p.crate_type, p.buggy) for p in load_set("core").problems],
        sandbox,
        options.jobs,
    )
    strangers = send(
        [(f.stem, NONE, "bin", f.read_text("utf-8")) for f in sorted(_CASES.glob("none__*.rs"))],
        sandbox,
        options.jobs,
    )
    record = {
        "schema_version": 1,
        "environment": {**describe_environment(), "command": " ".join(sys.argv)},
        "rules": len(RULES),
        "patterns": len(PATTERNS),
        "shapes": sum(len(pattern.shapes) for pattern in PATTERNS.values()),
        "seeds": SEEDS,
        "generated": {**summarize(generated), "by_score": by_score(generated)},
        "core": {
            **summarize(core),
            "routes": {one.name: [one.task, one.found and one.found.score] for one in core},
        },
        "no_pattern": summarize(strangers),
        "confusion": confusion(generated),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    for part in ("generated", "core", "no_pattern"):
        counts = record[part]
        print(f"{part}: {counts['passed']} of {counts['total']} where they belong")
        for name, went in counts["elsewhere"].items():
            print(f"  {name}: {went['expected']} -> {went['task']}")


if __name__ == "__main__":
    main()
