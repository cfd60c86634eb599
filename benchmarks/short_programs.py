"""Short programs with a mistake each, written for the router's tests: who mends them?

    python benchmarks/short_programs.py --kind none --out results/short_programs-1.5b.json

Nothing is trained on them, and they have no reference fix: an answer counts when it compiles and
leaves nothing out. Those of no pattern are what the task `general` is for.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from measure import ROOT
from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.judge import accept, compile_source
from sleepy_coder.model import load_model
from sleepy_coder.paired import compare_paired
from sleepy_coder.problems import Check, Problem
from sleepy_coder.prompt import extract_code
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.results import describe_environment
from sleepy_coder.router import route
from sleepy_coder.sandbox import Sandbox, confinement
from sleepy_coder.serving import TaskSources, shipped_store
from sleepy_coder.weights import DEFAULT_MODEL
from sleepy_coder.workbench import Workbench

KINDS = ("none", "routed")
_CASES = ROOT / "tests" / "router_cases"
_NAMES = ("base", "base-again", "hints-second", "general", "routed", "cascade")


def read_cases(sandbox: Sandbox) -> list[Problem]:
    """Return the programs with what rustc says of them; the pattern is where they are routed."""
    found = []
    for path in sorted(_CASES.glob("*.rs")):
        code = path.read_text("utf-8")
        crate_type = "bin" if "fn main" in code else "lib"
        compiled = compile_source(code, crate_type=crate_type, edition="2021", sandbox=sandbox)
        if compiled.is_ok:
            continue
        chosen = route(parse_diagnostics(compiled.diagnostics), code)
        found.append(
            Problem(
                id=path.stem,
                family="none" if chosen is None else "routed",
                pattern=chosen.task if chosen else "none",
                error_code=None,
                description="a test case of the router",
                crate_type=crate_type,
                edition="2021",
                buggy=code,
                fixed=None,
                check=Check(kind="compile", expect=None, code=None),
                diagnostics=tuple(compiled.diagnostics),
            )
        )
    return found


def summarize(
    problems: list[Problem], solved: dict[str, dict[str, bool]], kind: str
) -> dict[str, Any]:
    """Return what each strategy solves of one kind of program, beside the base model."""
    ids = [p.id for p in problems if p.family == kind]
    base = {id_: solved["base"][id_] for id_ in ids}
    result = {}
    for name, all_of_it in solved.items():
        own = {id_: all_of_it[id_] for id_ in ids}
        pair = compare_paired(base, own)
        result[name] = {
            "passed": sum(own.values()),
            "total": len(ids),
            "gained": len(pair.gained),
            "lost": sorted(pair.lost),
        }
    return result


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--kind", dest="kinds", action="append", choices=KINDS)
    parser.add_argument("--allow-unconfined", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    sandbox = Sandbox(confine=confinement().is_working)
    if not sandbox.confine and not options.allow_unconfined:
        parser.error("bubblewrap does not work here; pass --allow-unconfined")
    kinds = options.kinds or KINDS
    problems = [problem for problem in read_cases(sandbox) if problem.family in kinds]
    model = load_model(options.model, device=options.device)
    sources = TaskSources(options.store or shipped_store(options.model))
    solved: dict[str, dict[str, bool]] = {}
    own = Workbench(model=model, sandbox=sandbox, answers=AnswerCache())
    with sources.serve("store", own) as bench:
        for name in _NAMES:
            answers = STRATEGIES[name].propose(problems, bench)
            pairs = [(p, extract_code(a.output)) for p, a in zip(problems, answers, strict=True)]
            verdicts = accept(pairs, sandbox)
            solved[name] = {p.id: ok for p, ok in zip(problems, verdicts, strict=True)}
            print(f"{name}: {sum(verdicts)} of {len(verdicts)}", flush=True)
    record = {
        "schema_version": 1,
        "model": {"name": model.name, "sha256": model.sha256, "dtype": str(model.dtype)},
        "environment": {**describe_environment(options.device), "command": " ".join(sys.argv)},
        "kinds": {kind: summarize(problems, solved, kind) for kind in kinds},
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
