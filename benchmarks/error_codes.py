"""What `sleepy fix` mends of one program for each error code of rustc.

The programs lie in `benchmarks/error_codes`, in the notation of the patterns' shapes, each named
after the code of its first error. They were written for this, are short, and nothing is trained on
them. Codes that take more than one file, a nightly compiler or another target have none.
`results/error_codes.json` gets what became of them; `--save-set` keeps the programs as a set for
`sleepy eval`.

    python benchmarks/error_codes.py
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fix_files
from measure import ROOT
from sleepy_coder.patterns.notation import Section, parse_sections, split_edits
from sleepy_coder.problems import Check, Problem, ProblemSet, hash_problems, save_set
from sleepy_coder.proof import finish_problem
from sleepy_coder.sandbox import Sandbox, confinement

_PROGRAMS = ROOT / "benchmarks" / "error_codes"


def read_programs(folder: Path, sandbox: Sandbox) -> ProblemSet:
    """Return the programs of a folder as problems that are proved sound.

    Raises:
        SystemExit: One does not fail as its name says, or its fixed one does not run.
    """
    texts = (path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt")))
    drafts = [_draft(section) for text in texts for section in parse_sections(text)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda draft: finish_problem(draft, sandbox), drafts))
    faults = [f"{proof.id}: {failure}" for _, proof in found for failure in proof.failures]
    if faults:
        raise SystemExit("\n".join(faults))
    problems = tuple(problem for problem, _ in found)
    return ProblemSet("error codes", problems, hash_problems(problems))


def _draft(section: Section) -> Problem:
    buggy, fixed = split_edits(section.program)
    return Problem(
        id=section.name,
        family="error_codes",
        pattern="none",
        description=f"a program with {section.name}",
        crate_type="bin",
        edition="2021",
        error_code=section.name,
        buggy=buggy,
        fixed=fixed,
        check=Check("stdout", expect=None),
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save-set", type=Path, metavar="FILE.jsonl")
    fix_files.add_options(parser, ROOT / "results" / "error_codes.json")
    arguments = parser.parse_args()
    programs = read_programs(_PROGRAMS, Sandbox(confine=confinement().is_working))
    if arguments.save_set:
        save_set(programs.problems, arguments.save_set)
    fix_files.run_set(programs, arguments)


if __name__ == "__main__":
    main()
