import io
from dataclasses import replace

from rich.console import Console

from sleepy_coder.report import compare, render_markdown, render_table
from sleepy_coder.results import ProblemResult, RunRecord


def result(family, outcome, number):
    return ProblemResult(
        id=f"{family}_{number}",
        family=family,
        pattern="p",
        route=None,
        outcome=outcome,
        detail="",
        output="",
        tokens_in=3,
        tokens_out=2,
        attempts=1,
        seconds=0.5,
    )


RECORD = RunRecord(
    strategy="base",
    model=None,
    store=None,
    problem_set={"name": "s", "sha256": "0", "size": 3},
    config={},
    seed=0,
    problems=[
        result("moves", "pass", 1),
        result("moves", "gutted", 2),
        result("lifetimes", "pass", 3),
    ],
    environment={},
)


def test_markdown_has_a_column_a_run_and_a_line_a_family():
    better = replace(RECORD, strategy="hints", problems=[result("moves", "pass", 1)])
    assert render_markdown(compare([RECORD, better])).splitlines() == [
        "|  | base | hints |",
        "| --- | ---: | ---: |",
        "| **solved** | 2/3 | 1/1 |",
        "| percent | 66.7 | 100.0 |",
        "| 95 % interval | 21-94 | 21-100 |",
        "| lifetimes | 1/1 | 0/0 |",
        "| moves | 1/2 | 1/1 |",
    ]


def test_terminal_table_says_the_same_without_markup():
    console = Console(width=60, file=io.StringIO())
    console.print(render_table(compare([RECORD]), "title"))
    text = console.file.getvalue()
    assert "solved" in text
    assert "2/3" in text
    assert "**" not in text


def test_only_pass_counts_as_solved():
    assert RECORD.passed == 2
    assert RECORD.by_family() == {"lifetimes": (1, 1), "moves": (1, 2)}


def test_totals_of_a_part_are_those_of_its_problems():
    part = RECORD.select({"moves_1", "moves_2"})
    assert part.to_json()["totals"]["passed"] == 1
    assert part.to_json()["totals"]["total"] == 2
    assert part.to_json()["totals"]["outcomes"] == {"gutted": 1, "pass": 1}
