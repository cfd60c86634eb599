"""Regenerate what the documentation quotes: tables from `results/`, the command reference.

A block between `<!-- NAME -->` and `<!-- /NAME -->` in a Markdown file is replaced by the text
that `BLOCKS[NAME]` returns. `make docs` runs this; a test fails when a file is not up to date.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sleepy_coder.cli import main
from sleepy_coder.cli.problems import render_problem
from sleepy_coder.experiments.summary import summarize_seeds
from sleepy_coder.experiments.transfer import ENOUGH_PROBLEMS
from sleepy_coder.learning.gate import Trial
from sleepy_coder.problems import is_frozen, load_set
from sleepy_coder.proposals import RUSTC, RUSTC_GUESS
from sleepy_coder.report import compare, render_markdown, render_repair
from sleepy_coder.results import RunRecord, load_run_record

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
STRATEGIES = (
    *("rustfix", "rustfix-maybe", "base", "base-again", "hints", "hints-second"),
    *("averaged", "general", "routed", "cascade"),
)
MODELS = ("1.5b", "0.5b")
# Whose repair README shows: rustc has no suggestion of its own for it.
SHOWN = "rh_009"


def _heading(first: str, others: Sequence[str]) -> list[str]:
    """Return the two lines a table begins with: a column of words, and columns of numbers."""
    return [f"| {first} | {' | '.join(others)} |", "| --- |" + " ---: |" * len(others)]


def load_runs(model: str) -> list[RunRecord]:
    """Return the records of one model's runs on the core problems, in the order of STRATEGIES.

    A model for which no store is shipped has none of strategies that need one.
    """
    paths = [RESULTS / "core" / model / f"{name}.json" for name in STRATEGIES]
    return [load_run_record(path) for path in paths if path.is_file()]


def render_frozen(model: str) -> str:
    """Return the table of one model on the 30 frozen problems."""
    runs = load_runs(model)
    frozen = {p.id for p in runs[0].problems if is_frozen(p.id)}
    return render_markdown(compare(run.select(frozen) for run in runs))


def render_core(model: str) -> str:
    """Return the table of one model on all 42 core problems."""
    return render_markdown(compare(load_runs(model)))


def render_rendering() -> str:
    """Return what compact diagnostics do to the prompt and to the pass rate."""
    lines = ["| model | rendering | prompt tokens | solved |", "| --- | --- | ---: | ---: |"]
    for model in MODELS:
        for label, name in (("compact", "base"), ("rustc's own", "base-full")):
            run = load_run_record(RESULTS / "core" / model / f"{name}.json")
            tokens = sum(p.tokens_in for p in run.problems)
            solved = f"{run.passed}/{len(run.problems)}"
            lines.append(f"| {model} | {label} | {tokens} | {solved} |")
    return "\n".join(lines)


def render_renderings() -> str:
    """Return what quoting lines in the compact rendering did, by set."""
    found = json.loads((RESULTS / "renderings.json").read_text())
    lines = ["| model | problems | who answers | line numbers | lines quoted |"]
    lines.append("| --- | --- | --- | ---: | ---: |")
    for one in found["solved"]:
        before, now, total = one["former_compact"], one["quoting_compact"], one["total"]
        who = "the routed task" if one.get("who") == "task" else "base model"
        lines.append(
            f"| {one['model']} | {one['set']} | {who} | {before}/{total} | {now}/{total} |"
        )
    return "\n".join(lines)


def render_general(experiment: str, set_name: str, names: Sequence[str]) -> str:
    """Return what the task `general` does for patterns that it learned from, and for others."""
    _, arms = _compared_arms(experiment, set_name)
    course = json.loads((RESULTS / "learn" / "qwen2.5-coder-1.5b-instruct.json").read_text())
    learned = course["config"]["basis_patterns"]
    lines = [f"| {set_name} problems of | problems | {' | '.join(names)} |"]
    lines.append("| --- | ---: |" + " ---: |" * len(names))
    for label, is_learned in (("patterns that it learned from", True), ("other patterns", False)):
        groups = [
            [
                each
                for name, each in arms[arm]["patterns"].items()
                if (name in learned) == is_learned
            ]
            for arm in names
        ]
        total = sum(each["total"] for each in groups[0])
        counts = " | ".join(str(sum(each["num_after"] for each in own)) for own in groups)
        lines.append(f"| {label} | {total} | {counts} |")
    return "\n".join(lines)


_PARTS = ("gate", "heldout", "frozen")


def render_end_weight() -> str:
    """Return what tasks solve between where they started and where training took them."""
    record = json.loads((RESULTS / "end_weight.json").read_text())
    gate, heldout, frozen = (record["rows"][0][part]["total"] for part in _PARTS)
    head = ["kept, from the start 0 to the end 1", f"gate, {gate}", "lost"]
    lines = [f"| {' | '.join([*head, f'held-out, {heldout}', f'frozen, {frozen}'])} |"]
    lines.append("| ---: | ---: | ---: | ---: | ---: |")
    for row in record["rows"]:
        gate, heldout, frozen = (row[part] for part in _PARTS)
        cells = (gate["passed"], gate["lost"], heldout["passed"], frozen["passed"])
        lines.append(f"| {row['end_weight']:g} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def render_written() -> str:
    """Return what came of the programs that the model wrote."""
    record = json.loads((RESULTS / "written.json").read_text())
    part, found = record["mended_part"], record["problems"]
    return (
        f"{record['written']:,} programs written; of the first {part['programs']}, "
        f"{part['compile']} compile and {part['mended']} were mended. {found['total']:,} problems "
        f"of {found['patterns']} patterns from {found['programs']:,} programs, "
        f"{found['own_mistakes']} of them the model's own mistakes."
    )


def render_made_on() -> str:
    """Return where and with what the runs on the core problems were made."""
    lines = ["| model | number format | device | torch | transformers | rustc |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for model in MODELS:
        run = load_run_record(RESULTS / "core" / model / "base.json")
        made, judged = run.environment["generation"], run.environment["judging"]
        versions = (made["libraries"]["torch"], made["libraries"]["transformers"])
        cells = [model, run.config["dtype"], made["device"], *versions, judged["rustc"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def render_transcript() -> str:
    """Return what a user sees of one whole repair: program, errors, verdict, change."""
    problem = next(p for p in load_set("frozen").problems if p.id == SHOWN)
    run = load_run_record(RESULTS / "core" / "1.5b" / "hints.json")
    result = next(p for p in run.problems if p.id == SHOWN)
    lines = [
        f"$ sleepy problems show {SHOWN}",
        render_problem(problem).rstrip(),
        "",
        f"$ sleepy eval --ids {SHOWN} --strategy hints --show --out {SHOWN}.json",
        "hints: 1 answer",
        render_repair(problem, run.strategy, result),
        f"wrote {SHOWN}.json",
    ]
    return "```console\n" + "\n".join(lines) + "\n```"


def render_demo_time() -> str:
    """Return how long the demo took, and where."""
    record = json.loads((RESULTS / "demo.json").read_text())
    machine, base = record["machine"], record["strategies"]["base"]
    sets = ", ".join(machine["instruction_sets"])
    versions = base["libraries"]
    answering_s = record["wall_s"] - record["setup_s"]
    is_first = record["downloads_weights"] or record["converts_weights"]
    weights = "fetched on the way" if is_first else "fetched and converted before"
    command, cores, minutes = record["command"], machine["num_cores"], record["wall_s"] / 60
    return (
        f"`{command}` in a fresh clone, the weights {weights}, took {minutes:.1f} minutes on "
        f"{cores} cores:\n{record['setup_s'] / 60:.1f} minutes of setting up, "
        f"{answering_s / 60:.1f} minutes of answering and judging with {base['model']} in "
        f"{base['dtype']}\n"
        f"({machine['machine']} with {sets}; torch {versions['torch']}, "
        f"transformers {versions['transformers']})."
    )


def render_router() -> str:
    """Return how many programs the router sent to their own pattern."""
    record = json.loads((RESULTS / "router.json").read_text())
    rows = {
        f"generated programs of {record['patterns']} patterns": record["generated"],
        "core problems": record["core"],
        "programs of no pattern, left without a route": record["no_pattern"],
    }
    lines = ["| programs | routed rightly |", "| --- | ---: |"]
    lines += [f"| {label} | {row['passed']}/{row['total']} |" for label, row in rows.items()]
    return "\n".join(lines)


def render_first_look() -> str:
    """Return the first reading of routed coefficients beside the base model."""
    record = json.loads((RESULTS / "first_look.json").read_text())
    lines = ["| set | base | routed |", "| --- | ---: | ---: |"]
    for name, label in (
        ("transfer", "mutants of crates never trained on"),
        ("generated", "the training generators, another seed"),
    ):
        totals = [record["runs"][f"{name}/{run}"]["totals"] for run in ("base", "routed")]
        cells = [
            f"{t['passed']}/{t['total']} ({100 * t['passed'] / t['total']:.1f} %)" for t in totals
        ]
        lines.append(f"| {label} | {cells[0]} | {cells[1]} |")
    change = record["transfer"]
    lines.append(f"\nOn the mutants {change['gained']} gained, {change['lost']} lost.")
    return "\n".join(lines)


def render_train_cpu() -> str:
    """Return how long one new task takes on a processor, and whether its loss fell."""
    record = json.loads((RESULTS / "share_train_cpu.json").read_text())
    head = ("answers", "number format", "steps", "minutes, start to store", "tokens/s", "padding")
    head += ("loss, first quarter", "last quarter", "load before")
    lines = [
        f"{record['num_pairs']} generated pairs of `{record['pattern']}`, which the basis has not",
        f"seen; {record['num_cores']} cores, not alone where the load before is over 1.\n",
        f"| {' | '.join(head)} |",
        "| --- | --- |" + " ---: |" * (len(head) - 2),
    ]
    for form, run in record["runs"].items():
        cells = [
            {"edit": "edits", "program": "whole programs"}[form],
            run["model"]["dtype"],
            str(run["config"]["num_steps"]),
            f"{run['wall_s'] / 60:.1f}",
            f"{run['tokens_per_s']:.0f}",
            f"{100 * run['padding_frac']:.0f} %",
            f"{run['mean_loss_first_quarter']:.3f}",
            f"{run['mean_loss_last_quarter']:.3f}",
            f"{run['load_before']:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def render_edits_losses() -> str:
    """Return the losses by how coefficients start, at some steps."""
    losses = json.loads((RESULTS / "learn" / "edits_first.json").read_text())["losses"]
    steps = (1, 4, 7, 12, 20)
    lines = ["| task | start | " + " | ".join(f"step {s}" for s in steps) + " |"]
    lines.append("| --- | --- | " + " | ".join("---:" for _ in steps) + " |")
    for task in ("missing_clone", "return_local_ref"):
        for start, curves in losses.items():
            cells = [f"{curves[task][step - 1]:.3f}" for step in steps]
            lines.append(f"| {task} | {start} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def render_edits_solved() -> str:
    """Return what these coefficients solved, and the 72 tasks that started from the mean."""
    record = json.loads((RESULTS / "learn" / "edits_first.json").read_text())
    sets = ("core", "held-out", "gate")
    lines = ["| task | start | steps | " + " | ".join(sets) + " |"]
    lines.append("| --- | --- | ---: | " + " | ".join("---:" for _ in sets) + " |")
    for name, trials in record["trials"].items():
        task, start, steps = name.split("/")
        cells = [_solved(trials[each]) for each in sets]
        lines.append(f"| {task} | {start} | {steps} | " + " | ".join(cells) + " |")
    base = load_run_record(RESULTS / "core" / "1.5b" / "base.json")
    core = _solved(record["core"]["problems"])
    lines.append(
        f"\nAll 72 tasks started from the mean as it is, routed, on the core problems: {core}; "
        f"the base model, with whole programs as answers: {base.passed}/{len(base.problems)}."
    )
    return "\n".join(lines)


def render_forms() -> str:
    """Return what answer forms and starts of coefficients came to, before any gate."""
    record = json.loads((RESULTS / "learn" / "forms.json").read_text())
    lines = ["| answers | problems | base | solved | gained | lost |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in record["runs"]:
        cells = [str(row[k]) for k in ("problems", "base", "solved", "gained", "lost")]
        lines.append(f"| {row['what']} | {' | '.join(cells)} |")
    core = record["core"]
    scores = [f"{name}: {found['core']}" for name, found in core.items() if name != "what"]
    lines.append(f"\nOf the 42 core problems, {'; '.join(scores)}.")
    return "\n".join(lines)


def render_gate_rules() -> str:
    """Return how two rules of the gate do on crates that they have not seen."""
    record = json.loads((RESULTS / "learn" / "gate_rules.json").read_text())
    lines = ["| rule | budget, % | gained, points | lost, % |", "| --- | ---: | ---: | ---: |"]
    for row in record["rules"]:
        cells = [row["rule"], f"{100 * row['max_lost_frac']:.1f}"]
        cells += [f"{100 * row['gained_frac']:.1f}", f"{100 * row['lost_frac']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_SHARE_KINDS = {
    "mean": "columns with a mean",
    "no-mean": "no mean",
    "common-init": "A from one common start",
}
_SHARE_TOOLS = {
    "ours": "ours",
    "ours, torch.mm": "ours, products by `torch.mm`",
    "ours, product objective": 'ours, objective "product"',
    "ours, 60 % variance": "ours, 60 % of the variance",
    "svd_lowrank (paper)": "the paper's `svd_lowrank` way, mean dropped",
    "vlora-dev": "vlora-dev 1.0.0",
    "vlora-dev, our bytes": "vlora-dev at no more bytes than ours (its k = 3)",
    "vlora-dev, 60 % variance": "vlora-dev, 60 % of the variance",
    "lorashare": "lorashare 0.1.3",
    "exact thin SVD (error only)": "exact thin SVD",
}


def _share_init(name: str = "share_init.json") -> dict[str, Any]:
    record: dict[str, Any] = json.loads((RESULTS / name).read_text())
    return record


def render_share_init(target: str) -> str:
    """Return what phase 1 costs and loses beside its peers, for each kind of adapters."""
    rows = _share_init()["rows"]
    table = ["| | CPU s | peak memory, MB | stored, MB | error of ΔW |", "| --- |" + " ---: |" * 4]
    for kind, title in _SHARE_KINDS.items():
        found = [row for row in rows if (row["target"], row["kind"]) == (target, kind)]
        if found:
            table.append(f"| **{title}** | | | | |")
        for tool, name in _SHARE_TOOLS.items():
            own = [row for row in found if row["tool"] == tool]
            if not own:
                continue
            cells = [_range(own, "cpu_s", ".2f"), _range(own, "peak_rss_mb", ",.0f")]
            cells.append(f"{own[0]['bytes'] / 1e6:,.0f}" if "bytes" in own[0] else "")
            table.append(f"| {name} | {' | '.join(cells)} | {own[0]['error']:.4f} |")
    return "\n".join(table)


def _range(rows: Sequence[Mapping[str, Any]], key: str, form: str) -> str:
    """Return the smallest and the largest value, or the only one."""
    shown = [format(value, form) for value in sorted(row[key] for row in rows if key in row)]
    return " to ".join(dict.fromkeys((*shown[:1], *shown[-1:])))


def render_share_speeds(name: str = "share_init.json") -> str:
    """Return how many times as fast as others phase 1 is, by the median of the runs."""
    rows = _share_init(name)["rows"]
    others = ("svd_lowrank (paper)", "vlora-dev")
    table = ["| times as fast as | `svd_lowrank` | vlora-dev |", "| --- | ---: | ---: |"]
    for kind, title in _SHARE_KINDS.items():
        for tool in ("ours", "ours, product objective"):
            medians = {
                name: statistics.median(
                    row["cpu_s"]
                    for row in rows
                    if (row["target"], row["kind"], row["tool"]) == ("full", kind, name)
                )
                for name in (tool, *others)
            }
            cells = [f"{medians[other] / medians[tool]:.1f}" for other in others]
            table.append(f"| {title}: {_SHARE_TOOLS[tool]} | {' | '.join(cells)} |")
    return "\n".join(table)


def render_share_streaming() -> str:
    """Return what phase 1 costs with more and more adapters of one layer."""
    rows = _share_init()["streaming"]
    table = ["| adapters of one layer | CPU s | peak memory, MB |", "| ---: | ---: | ---: |"]
    table += [f"| {r['adapters']:,} | {r['cpu_s']:.2f} | {r['peak_rss_mb']:,.0f} |" for r in rows]
    return "\n".join(table)


def render_share_product() -> str:
    """Return what objective "product" costs and keeps beside "factors" and svd_lowrank."""
    record = json.loads((RESULTS / "share_product.json").read_text())
    head = ("adapters", "kind", "product, s", "factors, s", "svd_lowrank, s")
    lines = [f"| {' | '.join((*head, 'ΔW error: product', 'factors'))} |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in record["rows"]:
        cells = [row["target"], row["kind"]]
        cells += [f"{row[f'{side}_s'][0]:.2f}" for side in ("product", "factors", "svd_lowrank")]
        cells += [f"{row[f'{side}_error']:.4f}" for side in ("product", "factors")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def render_learned(store: str) -> str:
    """Return what a store's tasks do on the problems that select, alone and in second place."""
    path = RESULTS / "learn" / f"qwen2.5-coder-{store}.json"
    gate = json.loads(path.read_text())["gate"]
    tried = list(_load_trials(store).values())
    least = {task: ruling["min_doubt"] for task, ruling in gate["rulings"].items()}
    base = [t.is_solved_by_base for t in tried]
    alone = [t.is_solved_by_task for t in tried]
    second = [t.is_solved(None) for t in tried]
    routed = [t.is_solved(least[t.task]) for t in tried]
    table = [f"| {len(tried)} problems that select | solved | gained | lost |"]
    table += ["| --- | ---: | ---: | ---: |", f"| base model | {sum(base)} | | |"]
    ways = [
        ("the routed task, whatever the base model says", alone),
        ("the base model, and the routed task where that is seen to be no repair", second),
    ]
    if gate["min_doubt"] is not None:
        ways.append(
            (f"and where that is {gate['min_doubt']:g} times less sure than the task", routed)
        )
    for name, solved in ways:
        gained = sum(own and not other for own, other in zip(solved, base, strict=True))
        lost = sum(other and not own for own, other in zip(solved, base, strict=True))
        table.append(f"| {name} | {sum(solved)} | {gained} | {lost} |")
    refused = sum(t.is_refused and not t.is_solved_by_base for t in tried)
    failed = len(tried) - sum(base)
    fact = (
        f"Of the {failed} problems that the base model fails, {refused} are seen to be no repair."
    )
    return "\n".join([*table, "", fact])


def render_comparison(experiment: str, set_name: str) -> str:
    """Return what the arms of a comparing experiment solve of one set, and against base."""
    size, arms = _compared_arms(experiment, set_name)
    lengths = list(arms["base"].get("length_rates", ()))
    head = [f"{size} problems", "solved", "percent", "gained", "lost"]
    head += [f"{lines} lines" for lines in lengths]
    rows = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name, arm in arms.items():
        totals, against = arm["totals"], arm["against_base"]
        cells = [name, str(totals["passed"]), f"{100 * totals['frac']:.1f}"]
        cells += ["", ""] if name == "base" else [str(len(against[k])) for k in ("gained", "lost")]
        rates = [arm["length_rates"][each] for each in lengths]
        cells += [f"{rate['passed']}/{rate['total']}" for rate in rates]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def render_patterns(experiment: str, set_name: str, arm: str) -> str:
    """Return what an arm gains in each pattern, those with ten problems and more."""
    _, arms = _compared_arms(experiment, set_name)
    groups = arms[arm]["patterns"]
    many = {name: each for name, each in groups.items() if each["total"] >= ENOUGH_PROBLEMS}
    rows = [
        "| pattern | problems | base | " + arm + " | lost |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, each in sorted(many.items(), key=lambda item: item[1]["change_frac"], reverse=True):
        cells = [each["total"], each["num_before"], each["num_after"], len(each["lost"])]
        rows.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def render_coefficients() -> str:
    """Return what training one task at a time does to the frozen problems, routed and forced."""
    record = _experiment("coefficients")
    tasks = next(iter(record["arms"].values()))["tasks"]
    own = [name for name, task in record["routes"].items() if task in tasks]
    rows = [
        (
            f"| trained alone, {len(tasks)} tasks | parameters a task | own problems solved |"
            f" lost, routed | lost, forced | solved of {len(record['base'])}, forced |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        (
            f"| base model | | {sum(record['base'][name] for name in own)}/{len(own)} | | |"
            f" {sum(record['base'].values())} |"
        ),
    ]
    for arm, found in record["arms"].items():
        solved = sum(
            found["tasks"][record["routes"][name]]["routed"]["solved"][name] for name in own
        )
        forced = statistics.fmean(
            sum(task["forced"]["solved"].values()) for task in found["tasks"].values()
        )
        rows.append(
            f"| {arm} | {found['parameters_per_task']:,} | {solved}/{len(own)} "
            f"| {found['mean_lost_routed']:.2f} | {found['mean_lost_forced']:.2f} "
            f"| {forced:.1f} |"
        )
    return "\n".join(rows)


def render_fix(name: str = "fix") -> str:
    """Return what `sleepy fix` mended of a set's problems, as lone files."""
    record = json.loads((RESULTS / f"{name}.json").read_text())
    rows = record["problems"]
    mended = [row for row in rows if row["is_ok"]]
    behave = sum(row["outcome"] == "pass" for row in rows)
    rustc = sum(set(row["by"]) == {RUSTC} for row in mended)
    seconds = sorted(row["seconds"] for row in mended)
    middle, most = statistics.median(seconds), seconds[-1]
    return (
        f"The {len(rows)} frozen problems as files: {len(mended)} compile afterwards, {rustc} of "
        f"them by rustc's suggestions alone; {behave} do what they should. One that was mended "
        f"took {middle:.0f} s at the median and {most:.0f} s at most, with "
        f"{record['model']['name']} on two cores."
    )


def render_error_codes() -> str:
    """Return what `sleepy fix` mended of one program for each error code, and by whom."""
    record = json.loads((RESULTS / "error_codes.json").read_text())
    rows = record["problems"]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in _MENDERS}
    for row in rows:
        if row["is_ok"]:
            groups[_mender(row["by"])].append(row)
    mended = [row for group in groups.values() for row in group]
    left = [row["id"] for row in rows if not row["is_ok"]]
    lines = ["| mended by | programs | print what they should |", "| --- | ---: | ---: |"]
    for name, group in (*groups.items(), (f"all, of {len(rows)}", mended)):
        lines.append(f"| {name} | {len(group)} | {sum(r['outcome'] == 'pass' for r in group)} |")
    model = f"{record['model']['name']} in {record['model']['dtype']}"
    return "\n".join([*lines, "", f"With {model}. Not mended: {', '.join(left)}."])


def render_error_codes_in_short() -> str:
    """Return how many of the programs, one for each error code, `sleepy fix` mended."""
    rows = json.loads((RESULTS / "error_codes.json").read_text())["problems"]
    behave = sum(row["outcome"] == "pass" for row in rows)
    return (
        f"Of {len(rows)} short programs, one for each error code, "
        f"{sum(row['is_ok'] for row in rows)} compile afterwards and {behave} print what they "
        "should ([by whom](docs/status.md#error-codes))."
    )


_MENDERS = (
    "rustc's suggestions",
    "the base model",
    "a task",
    "an answer drawn at random",
    "what rustc only guesses",
    "an answer, mended in turn",
)


def _mender(by: list[str | None]) -> str:
    """Return who did most for a program: the last in `_MENDERS` that had a part in it."""
    signs = (RUSTC, "base model", "task ", ", drawn", RUSTC_GUESS, ", then ")
    who = " ".join(filter(None, by))
    found = [name for name, sign in zip(_MENDERS, signs, strict=True) if sign in who]
    return found[-1]


def render_serve() -> str:
    """Return how fast a server answers requests of many tasks, of one, and one after another."""
    record = json.loads((RESULTS / "serve.json").read_text())
    setting, store, environment = (record[key] for key in ("setting", "store", "environment"))
    speeds, ratios = record["tokens_per_s"], record["ratios"]
    threads = environment["threads"]
    served = (
        f"{setting['requests']} requests of up to {setting['max_tokens']} tokens, "
        f"{record['model']['name']} ({record['model']['dtype']}), "
        f"{threads} {'thread' if threads == 1 else 'threads'} of {environment['cpu']}; "
        f"{store['tasks']} tasks, "
        f"{store['coefficient_bytes'] / 1e6:.1f} MB beside a basis of "
        f"{store['basis_bytes'] / 1e6:.1f} MB."
    )
    lines = [
        served,
        "",
        "| | tokens a second | many tasks at once are |",
        "| --- | ---: | ---: |",
    ]
    for way, speed in speeds.items():
        ratio = ratios.get(f"many tasks at once to {way}")
        lines.append(f"| {way} | {speed:.1f} | {f'{ratio:.2f} times as fast' if ratio else ''} |")
    return "\n".join(lines)


def render_sources() -> str:
    """Return what pairs of each source are worth, alone and mixed."""
    record = _experiment("ablation", "sources")
    settings = record["settings"]
    tasks = len(record["totals"])
    rows = [f"| {tasks} tasks learn from | pairs | solved |", "| --- | ---: | ---: |"]
    base = record["base"]
    rows.append(f"| nothing: the base model | | {base['passed']}/{base['total']} |")
    for each in settings:
        pairs = sum(each["pairs"].values())
        rows.append(f"| {each['setting']} | {pairs:,} | {each['passed']}/{each['total']} |")
    return "\n".join(rows)


def render_fits() -> str:
    """Return what is solved with other weights of the loss, and after other numbers of steps."""
    weights, steps = (_experiment("ablation", part) for part in ("weights", "steps"))
    usual, longer = (each["learning"]["recipe"]["coefficients"] for each in (weights, steps))
    weight = f"{longer['edit_weight']:g} : {longer['kept_weight']:g}"
    rows = [
        f"| {len(weights['totals'])} tasks, weight of edited : kept tokens | steps | solved |",
        "| --- | ---: | ---: |",
    ]
    base = weights["base"]
    rows.append(f"| the base model | | {base['passed']}/{base['total']} |")
    found = [(each["setting"], usual["num_steps"], each) for each in weights["settings"]]
    found += [(weight, int(each["setting"]), each) for each in steps["settings"]]
    for name, count, each in sorted(found, key=lambda row: (float(row[0].split()[0]), row[1])):
        rows.append(f"| {name} | {count} | {each['passed']}/{each['total']} |")
    return "\n".join(rows)


def render_ablation(*axes: str) -> str:
    """Return what is solved at each setting of some axes."""
    rows = []
    for axis in axes:
        record = _experiment("ablation", axis)
        total, base = record["base"]["total"], record["base"]["passed"]
        names, counts = (
            [str(each[key]) for each in record["settings"]] for key in ("setting", "passed")
        )
        rows += [
            *_heading(f"{axis}, {len(record['totals'])} tasks", names),
            f"| solved of {total}, the base model {base} | {' | '.join(counts)} |",
            "",
        ]
    return "\n".join(rows[:-1])


def render_seeds() -> str:
    """Return what the tasks of the frozen problems solve, learned from several seeds."""
    stem = "qwen2.5-coder-1.5b-instruct"
    first = json.loads((RESULTS / "learn" / f"{stem}-seed-1.json").read_text())
    tasks = set(first["tasks"])
    rows = [
        f"| {len(tasks)} tasks | pairs from | selecting, the task alone | frozen, routed |",
        "| --- | --- | ---: | ---: |",
    ]
    core = load_run_record(RESULTS / "core" / "1.5b" / "routed.json")
    before = sum(p.outcome == "pass" for p in core.problems if is_frozen(p.id))
    found = {"the store before": (f"{stem}.json", before)}
    frozen = {}
    for path in sorted((RESULTS / "seeds").glob("frozen-seed-*.json")):
        seed = path.stem.removeprefix("frozen-seed-")
        frozen[seed] = load_run_record(path)
        found[f"seed {seed}"] = (f"{stem}-seed-{seed}.json", frozen[seed].passed)
    for name, (file, passed) in found.items():
        record = json.loads((RESULTS / "learn" / file).read_text())
        rulings = [r for task, r in record["gate"]["rulings"].items() if task in tasks]
        alone, total = (sum(r[key] for r in rulings) for key in ("solved_alone", "total"))
        sources = "mutants, generated" + ", written" * record["config"]["uses_written"]
        rows.append(f"| {name} | {sources} | {alone}/{total} | {passed}/30 |")
    if len(frozen) <= 2:  # noqa: PLR2004 - of two, an interval says nothing
        return "\n".join(rows)
    spread = summarize_seeds(frozen)
    mean, low, high = (100 * spread[key] for key in ("mean", "low", "high"))
    fact = (
        f"Seeds 1 to {len(frozen)}: {mean:.0f} % of the frozen ones, 95 % interval "
        f"{low:.0f} to {high:.0f} %."
    )
    return "\n".join([*rows, "", fact])


def render_angles() -> str:
    """Return how much bases of different adapters overlap, and what they leave to chance."""
    record = _experiment("subspace")
    rows = [
        (
            f"| k = {record['config']['components']}, {len(record['tasks'])} adapters "
            "| overlap, B side | overlap, A side |"
        ),
        "| --- | ---: | ---: |",
    ]
    for name, sides in record["angles"].items():
        shown = (_overlap(sides[side]) for side in ("b", "a"))
        rows.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(rows)


def _overlap(side: Mapping[str, Any]) -> str:
    found = f"{side['overlap']:.3f}"
    return found if side["low"] is None else f"{found} ({side['low']:.3f} to {side['high']:.3f})"


def render_explained() -> str:
    """Return the part of the variance in the first directions, the mean over modules."""
    record = _experiment("subspace")
    widths = [
        len(m) for sides in record["explained"].values() for side in sides.values() for m in side
    ]
    ks = [k for k in (8, 24, 64, 128) if k <= min(widths)]
    rows = _heading("variance in the first directions, %; B side, A side", [f"k = {k}" for k in ks])
    for name, sides in record["explained"].items():
        cells = [", ".join(_percent_held(sides[side], k) for side in ("b", "a")) for k in ks]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _percent_held(modules: Sequence[Sequence[float]], k: int) -> str:
    """Return the part of a side's variance in the first k directions, the mean over modules."""
    return f"{100 * statistics.fmean(module[k - 1] for module in modules):.0f}"


def render_left_out() -> str:
    """Return what a basis of the other patterns' adapters holds of a left-out one."""
    record = _experiment("subspace")["leave_one_out"]
    total = record["arms"][0]["total"]
    rows = [
        (
            f"| {len(record['patterns'])} patterns left out in turn, {total} problems "
            "| k | error of ΔW | solved | against the mean alone |"
        ),
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for arm in record["arms"]:
        change = arm["against_mean"]
        k = "" if arm["k"] is None else arm["k"]
        versus = "" if arm["arm"] == "mean" else f"+{change['gained']}, -{change['lost']}"
        rows.append(f"| {arm['arm']} | {k} | {arm['error']:.2f} | {arm['passed']} | {versus} |")
    return "\n".join(rows)


def render_sequential(part: str = "") -> str:
    """Return what tasks learned one after another keep, by arm, and what they store."""
    record = _experiment("sequential", part)
    rows = [
        (
            f"| {len(record['orders'][0])} tasks, orders: {len(record['orders'])} "
            "| own problems at the end, % | backward transfer | forgetting "
            "| frozen, before and at the end | bytes a task |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    frozen = [name for name in record["base"] if is_frozen(name)]
    before = sum(record["base"][name] for name in frozen)
    first = next(iter(record["arms"].values()))[0]["matrix"][0]  # before anything is learned
    rows.append(f"| base model | {100 * statistics.fmean(first):.0f} | | | {before} | |")
    for arm, orders in record["arms"].items():

        def mean(key: str, orders: Sequence[Mapping[str, Any]] = orders) -> float:
            return statistics.fmean(order[key] for order in orders)

        last = statistics.fmean(order["frozen"][-1] for order in orders) * len(frozen)
        sizes = [order["bytes"] for order in orders]
        grown = statistics.fmean((size[-1] - size[0]) / (len(size) - 1) for size in sizes)
        rows.append(
            f"| {arm} | {100 * mean('average_accuracy'):.0f} | {mean('backward_transfer'):+.3f} "
            f"| {mean('forgetting'):.3f} | {before}, {last:.0f} of {len(frozen)} | {grown:,.0f} |"
        )
    return "\n".join(rows)


def render_again() -> str:
    """Return what tasks that were learned again solve, beside what they solved before."""
    record = json.loads((RESULTS / "again.json").read_text())
    rows = [
        (
            f"| problems that lead to the {len(record['tasks'])} tasks | base | before | now "
            "| all problems, before | now |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in record["sets"].items():
        before, now = (found["others"] + found[key] for key in ("before", "now"))
        total = found["total"] + found["others_total"]
        rows.append(
            f"| {name}, {found['total']} | {found['base']} | {found['before']} | {found['now']} "
            f"| {before}/{total} | {now}/{total} |"
        )
    return "\n".join(rows)


def render_again_patterns() -> str:
    """Return where learning again changed what is solved of a pattern's held-out problems."""
    record = json.loads((RESULTS / "again.json").read_text())
    changed = {name: pair for name, pair in record["by_pattern"].items() if pair[0] != pair[1]}
    return ", ".join(f"`{name}` {old} to {new}" for name, (old, new) in sorted(changed.items()))


def render_courses() -> str:
    """Return what the mean of two courses solves of the selecting problems, and one of them."""
    record = json.loads((RESULTS / "again.json").read_text())
    names = {"seed-4": "one course, half way", "soup-5": "two, half way", "soup-75": "two, 0.75"}
    first = next(iter(record["courses"].values()))
    rows = [
        f"| all 72 tasks, {first['total']} selecting problems | alone | routed, beyond the base |",
        "| --- | ---: | ---: |",
    ]
    for key, words in names.items():
        found = record["courses"][key]
        rows.append(f"| {words} | {found['alone']} | +{found['net_gain']} |")
    return "\n".join(rows)


def render_one_adapter() -> str:
    """Return what one set of parameters for all patterns solves, answering every problem itself."""
    record = json.loads((RESULTS / "one_adapter.json").read_text())
    names = {
        "base": "the base model",
        "shipped0": "the shipped `general`: one column over the basis",
        "coef8": "eight columns over the same basis",
        "lora16": "a LoRA adapter, r = 16",
    }
    heads = [f"{name}, {size}" for name, size in record["sets"].items()]
    rows = _heading("solved (lost) of", heads)
    for key, words in names.items():
        arm = record["arms"][key]
        cells = [
            str(arm["solved"][name]) + (f" ({arm['lost'][name]})" if key != "base" else "")
            for name in record["sets"]
        ]
        rows.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _interval(counts: Sequence[int]) -> str:
    """Return a normal 95 % interval of a sum, from how much its summands differ."""
    spread = 1.96 * statistics.stdev(counts) * len(counts) ** 0.5
    return f"{round(sum(counts) - spread)} to {round(sum(counts) + spread)}"


def _load_trials(store: str) -> dict[str, Trial]:
    """Return problem id -> what a course's gate looked at, of the step that was taken."""
    path = RESULTS / "learn" / f"qwen2.5-coder-{store}.json"
    step = json.loads(path.read_text())["gate"]["step"]
    lines = map(json.loads, path.with_suffix(".trials.jsonl").read_text().splitlines())
    kept = {each.pop("id"): each for each in lines if each.pop("step") == step}
    return {name: Trial(**fields) for name, fields in kept.items()}


def render_joint_courses() -> str:
    """Return what two courses of a store on one adapter came to, on what both were asked."""
    names = {
        "joint": "280 steps, one and a half times over the pairs",
        "joint-once": "240 steps, once over the pairs, at 0.7 of its weight",
    }
    trials = {name: _load_trials(f"1.5b-instruct-{name}") for name in names}
    both = set.intersection(*map(set, trials.values()))
    heads = [
        *(f"selecting, {len(both)}: alone", "from a doubt of 5 on"),
        *("transfer: alone", "routed", "held-out: alone", "routed", "frozen: alone", "routed"),
    ]
    rows = _heading("solved (lost)", heads)
    for name, words in names.items():
        asked = [trials[name][each] for each in both]
        cells = []
        for least in (0.0, 5.0):
            found = [(t.is_solved(least), t.is_solved_by_base) for t in asked]
            lost = sum(base and not own for own, base in found)
            cells.append(f"{sum(own for own, _ in found)} ({lost})")
        for part, set_name, arms in (
            ("transfer", "transfer", ("alone-shipped", "routed-shipped")),
            ("routing", "heldout", ("routed-alone", "routed")),
            ("routing", "frozen", ("routed-alone", "routed")),
        ):
            found_arms = _compared_arms(f"{part}-{name}", set_name)[1]
            for arm in arms:
                lost = len(found_arms[arm]["against_base"]["lost"])
                cells.append(f"{found_arms[arm]['totals']['passed']} ({lost})")
        rows.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(rows)


def render_doubts() -> str:
    """Return what a store's tasks would have solved, and lost, heard from other doubts on."""
    record = json.loads((RESULTS / "learn" / "doubts.json").read_text())
    names = ("selecting", "transfer", "heldout", "frozen")
    heads = ["tasks heard", "lost of selecting by any task"]
    heads += [f"{name}, {record['sizes'][name]}" for name in names]
    rows = _heading("heard from a doubt of", heads)
    for each in record["doubts"]:
        cells = [str(each["heard"]), str(each["selecting_lost_by_any"])]
        cells += ["{} ({})".format(*each[name]) for name in names]
        rows.append(f"| {each['doubt']:g} | {' | '.join(cells)} |")
    return "\n".join(rows)


def render_heldout_shapes() -> str:
    """Return of how many held-out shapes all, some and no programs are mended, and what that tells.

    The programs of a shape are alike: the intervals are of sums over shapes, not over programs.
    """
    stores = {"routing": "the store of 29 November", "routing-joint": "280 steps"}
    stores["routing-joint-once"] = "240 steps, at 0.7"
    heads = ["solved", "shapes: all", "some", "none", "95 % interval by shapes"]
    rows = _heading("routed", [*heads, "against the first, by shapes"])
    first: dict[str, int] = {}
    for experiment, words in stores.items():
        groups = _compared_arms(experiment, "heldout")[1]["routed"]["patterns"]
        solved = {name: each["num_after"] for name, each in groups.items()}
        totals = {name: each["total"] for name, each in groups.items()}
        first = first or solved
        cells = [
            sum(solved.values()),
            sum(solved[name] == total for name, total in totals.items()),
            sum(0 < solved[name] < total for name, total in totals.items()),
            sum(number == 0 for number in solved.values()),
            _interval([*solved.values()]),
            _interval([solved[name] - first[name] for name in first]) if first != solved else "",
        ]
        rows.append(f"| {words} | {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def render_stall() -> str:
    """Return how long others wait while the server reads a long prompt."""
    record = json.loads((RESULTS / "serve_stall.json").read_text())
    heads = {
        "longest_wait_s": "longest wait between its tokens, s",
        "short_prompt_first_token_s": "first token of a short request, s",
        "long_prompt_first_token_s": "of the long one, s",
    }
    rows = _heading(f"a prompt of {record['prompt_tokens']:,} tokens, read", list(heads.values()))
    for way, found in record["ways"].items():
        rows.append(f"| {way} | {' | '.join(f'{found[key]:.1f}' for key in heads)} |")
    return "\n".join(rows)


def render_short_programs() -> str:
    """Return who mends short programs, of patterns and of none."""
    record = json.loads((RESULTS / "short_programs.json").read_text())
    kinds = {"routed": "with a route", "none": "without one"}
    counts = {kind: record["kinds"][kind] for kind in kinds}
    heads = (f"{words}, of {counts[kind]['base']['total']}" for kind, words in kinds.items())
    rows = [f"| | {' | '.join(heads)} |", "| --- | ---: | ---: |"]
    for name in counts["none"]:
        cells = (f"{counts[kind][name]['passed']}" for kind in kinds)
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def render_rerank() -> str:
    """Return what choosing between the base model's and the task's answer by likelihood changes."""
    record = json.loads((RESULTS / "rerank.json").read_text())
    rows = [
        (
            "| set | answers that differ | only base right | only the task right | margin, nats "
            "| gained | lost |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in record["rows"]:
        cells = [each[key] for key in ("set", "differ", "base_only", "task_only")]
        cells += [each[key] for key in ("margin", "gained", "lost")]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def render_refusals() -> str:
    """Return what refusing more answers than those that repeat the program changed."""
    record = json.loads((RESULTS / "refusals.json").read_text())
    rows = ["| strategy | before | after | gained | lost |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in record["rows"]:
        numbers = [f"{row[key]}" for key in ("before", "after", "gained", "lost")]
        rows.append(f"| {row['strategy']} | {' | '.join(numbers)} |")
    return "\n".join([f"{record['rows'][0]['problems']} problems:", "", *rows])


def render_recipes() -> str:
    """Return what ways of training mend of the problems that the base model repeats."""
    record = json.loads((RESULTS / "learn" / "recipes.json").read_text())
    sets = list(record["rows"][0]["sets"])
    sizes = [record["rows"][0]["sets"][name]["problems"] for name in sets]
    heads = [f"{name}, {size}" for name, size in zip(sets, sizes, strict=True)]
    lines = [f"| who answers | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(sets)}"]
    for row in record["rows"]:
        found = [row["sets"][name] for name in sets]
        cells = [f"{each['passed_without_turning']} → {each['passed']}" for each in found]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def render_train_gpu() -> str:
    """Return how fast many tasks train in one pass, against PEFT's one after the other."""
    record = json.loads((RESULTS / "train_gpu.json").read_text())
    work = record["work"]
    head = (
        f"{work['num_tasks']} tasks, {record['setting']['num_steps']} steps of "
        f"{record['setting']['rows_per_task']} rows each, {record['device_name']}, matrix products "
        f"at {record['matmul_peak_tflops']:.0f} TFLOP/s at best:"
    )
    rows = [
        head,
        "",
        "| | s | tokens/s | share of the peak | times PEFT | times PEFT without cuDNN |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, side in record["sides"].items():
        cells = [f"{side['seconds']:.1f}", f"{side['tokens_per_s']:,.0f}"]
        cells += [f"{100 * side['model_flops_frac']:.0f} %"]
        cells += [f"{side[field]:.2f}" for field in ("times_peft", "times_peft_no_cudnn")]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    facts = [""]
    for name, which in (("", "The shipped store's"), ("-seed-2", "From another seed, the same")):
        path = RESULTS / "learn" / f"qwen2.5-coder-1.5b-instruct{name}.json"
        training = json.loads(path.read_text())["training"]
        facts.append(
            f"{which} {len(training['losses'])} tasks took {training['seconds']:.0f} s on "
            f"{training['num_ranks']} GPU(s), {training['num_tokens'] / 1e6:.1f} million tokens, "
            f"{training['tokens_per_s']:,.0f} a second."
        )
    return "\n".join([*rows, *facts])


def render_paper_numbers() -> str:
    """Return the numbers of result files that settle lines of the paper checklist."""
    rows = [*_share_numbers(), *_learned_numbers(), *_study_numbers()]
    lines = ["| | what | number | file in `results/` |", "| --- | --- | --- | --- |"]
    lines += [f"| M{place} | {' | '.join(cells)} |" for place, cells in enumerate(rows, start=1)]
    return "\n".join(lines)


def _share_numbers() -> list[tuple[str, str, str]]:
    """Return (what, number, file) of the Share library's benchmarks."""
    init = _share_init()
    found = {(r["kind"], r["tool"]): r for r in init["rows"] if r["target"] == "full"}
    ours, narrow = found["mean", "ours"], found["mean", "ours, 60 % variance"]
    exact, dropped, product, own, common = (
        f"{found[key]['error']:.3f}"
        for key in (
            ("mean", "exact thin SVD (error only)"),
            ("mean", "svd_lowrank (paper)"),
            ("mean", "ours, product objective"),
            ("no-mean", "ours"),
            ("common-init", "ours"),
        )
    )
    error, narrow_error = f"{ours['error']:.3f}", f"{narrow['error']:.3f}"
    smaller, narrower = (row["adapters_bytes"] / row["bytes"] for row in (ours, narrow))
    count, k, r = (init["settings"][name] for name in ("adapters", "components", "rank"))
    of_init = {
        f"error of ΔW, {count} synthetic adapters: 60 % of the variance, k = {k}, exact for k": (
            f"{narrow_error}, {error}, {exact}"
        ),
        "mean not subtracted; subtracted and not given back": f"{error}; {dropped}",
        'objective "factors"; "product"': f"{error}; {product}",
        "every A has a start of its own; all start from one": f"{own}; {common}",
        f"the adapters (r = {r}) against a store with p = r: k = {k}; 60 % of the variance": (
            f"{smaller:.1f}; {narrower:.1f} times smaller"
        ),
    }
    merge = json.loads((RESULTS / "share_merge.json").read_text())
    known, gaps = merge["growth"]["rows"][-1], merge["exactness"]
    of_merge = {
        "a merge against decomposing everything: energy captured, new task's ΔW": (
            f"{gaps['largest_energy_gap']:.0e}, {gaps['largest_new_weight_gap']:.0e}"
        ),
        f"time of new bases with {known['known_tasks']} known tasks against 10": (
            f"{known['bases_of_fewest']:.2f} times"
        ),
    }
    batch = json.loads((RESULTS / "share_batch.json").read_text())
    target = max((r for r in batch["results"] if r["way"] == "targets"), key=lambda r: r["rows"])
    rows, resident = target["rows"], batch["resident"]
    of_batch = {
        f"{rows} rows of {rows} tasks in one batch, tokens per second against the base model": (
            f"{target['mixed_of_base']:.2f}"
        ),
        f"{resident['tasks']} resident tasks, k = 32, p = 1": f"{resident['bytes'] / 1e6:.0f} MB",
    }
    files = {"share_init": of_init, "share_merge": of_merge, "share_batch": of_batch}
    return [(*row, f"{name}.json") for name, part in files.items() for row in part.items()]


def _learned_numbers() -> list[tuple[str, str, str]]:
    """Return (what, number, file) of first readings of learned coefficients."""
    look = json.loads((RESULTS / "first_look.json").read_text())
    edits = json.loads((RESULTS / "learn" / "edits_first.json").read_text())
    record = load_run_record(RESULTS / "core" / "1.5b" / "base.json")
    base, routed = (look["runs"][f"transfer/{name}"]["totals"] for name in ("base", "routed"))
    change, trials = look["transfer"], edits["trials"]
    solved = f"{base['passed']}, {routed['passed']} of {base['total']}"
    core = f"{_solved(edits['core']['problems'])}; {record.passed}/{len(record.problems)}"
    starts = ("mean, balanced", "random")
    heldout = [_solved(trials[f"missing_clone/{start}/24"]["held-out"]) for start in starts]
    return [
        (
            "mutants of crates never trained on, one seed: base, routed; gained, lost",
            f"{solved}; {change['gained']}, {change['lost']}",
            "first_look.json",
        ),
        (
            "core problems, 72 tasks trained from the mean as it is; base model",
            core,
            "learn/edits_first.json",
        ),
        (
            "`missing_clone`, held-out, 24 steps: from the balanced mean, from random",
            ", ".join(heldout),
            "learn/edits_first.json",
        ),
        (
            "shipped store, transfer: base, base-again, routed; lost",
            _compared("transfer", "transfer", "routed-shipped", "base", "base-again"),
            "transfer/summary.json",
        ),
        (
            "shipped store, held-out shapes: base, averaged, routed; lost",
            _compared("routing", "heldout", "routed", "base", "averaged"),
            "routing/summary.json",
        ),
        (
            "a task alone, lost of 30, routed; forced: p = 1, with anchors, LoRA",
            _lost_alone("p = 1", "p = 1, anchors", "LoRA"),
            "experiments/coefficients",
        ),
        (
            "20 tasks in a row: backward transfer with a frozen basis; with merges",
            ", ".join(
                f"{statistics.fmean(order['backward_transfer'] for order in orders):+.3f}"
                for orders in _sequential("coefficients", "merged")
            ),
            "experiments/sequential",
        ),
        (
            "the 0.5B's store, transfer: base, routed; lost",
            _compared("transfer-0.5b", "transfer", "routed-shipped", "base"),
            "transfer-0.5b/summary.json",
        ),
        (
            "the 0.5B's store, frozen problems: base, averaged, routed; lost",
            _compared("routing-0.5b", "frozen", "routed", "base", "averaged"),
            "routing-0.5b/summary.json",
        ),
        (
            "shipped store, frozen problems, answering alone: base, LoRA, coefficients; lost",
            _compared("routing", "frozen", "routed-alone", "base", "lora"),
            "routing/summary.json",
        ),
        (
            "shipped store, held-out, answering alone: base, projected, LoRA, coefficients; lost",
            _compared("routing", "heldout", "routed-alone", "base", "projected", "lora"),
            "routing/summary.json",
        ),
    ]


def _study_numbers() -> list[tuple[str, str, str]]:
    """Return (what, number, file) of what bases hold, and how large they need be."""
    axes = {axis: _experiment("ablation", axis) for axis in ("k", "p")}
    solved = {axis: {s["setting"]: s["passed"] for s in a["settings"]} for axis, a in axes.items()}
    base = axes["k"]["base"]
    sizes = ", ".join(str(solved["k"][k]) for k in ("8", "24", "128", "60 %"))
    found = _experiment("subspace")
    angles, variance = found["angles"], found["explained"]["adapters"]
    arms = {(arm["arm"], arm["k"]): arm for arm in found["leave_one_out"]["arms"]}
    own, projected, drawn = (
        arms[key] for key in (("own LoRA", None), ("projected", 64), ("random", 64))
    )
    sides = "; ".join(
        ", ".join(f"{angles[kind][side]['overlap']:.2f}" for kind in _OVERLAPPING)
        for side in ("b", "a")
    )
    held = "; ".join(
        ", ".join(_percent_held(variance[side], k) for k in (16, 24, 128)) for side in ("b", "a")
    )
    return [
        (
            f"{len(axes['k']['totals'])} tasks over bases of k = 8, 24, 128, 60 %; base model",
            f"{sizes} of {base['total']}; {base['passed']}",
            "experiments/ablation",
        ),
        (
            "the same, p = 1, 2, 4, 8",
            f"{', '.join(map(str, solved['p'].values()))} of {base['total']}",
            "experiments/ablation",
        ),
        (
            "overlap of bases, B; A: disjoint halves, two seeds, random ones",
            sides,
            "experiments/subspace",
        ),
        (
            "variance of ΔW in 16, 24, 128 directions, B; A, %",
            held,
            "experiments/subspace",
        ),
        (
            "a left-out adapter: as it is, on 64 directions of the others, on 64 random ones",
            f"{own['passed']}, {projected['passed']}, {drawn['passed']} of {own['total']}",
            "experiments/subspace",
        ),
        (
            "20 tasks in three orders: backward transfer, merges at the tasks' scale (k grows)",
            ", ".join(
                f"{order['backward_transfer']:+.3f}"
                for order in _experiment("sequential", "scaled")["arms"]["merged scaled"]
            ),
            "experiments/sequential",
        ),
        (
            "the same at a constant k",
            ", ".join(
                f"{order['backward_transfer']:+.3f}"
                for order in _experiment("sequential", "constant")["arms"]["merged scaled"]
            ),
            "experiments/sequential",
        ),
        (
            "64 patterns learned together, held-out and frozen, alone: r = 16; p = 8; p = 1",
            "; ".join(_one_adapter("lora16", "coef8", "shipped0")),
            "one_adapter.json",
        ),
        (
            "a store built on one adapter, transfer: base, routed; lost",
            _compared("transfer-joint", "transfer", "routed-shipped", "base"),
            "transfer-joint/summary.json",
        ),
        (
            "the same, held-out: base, general, averaged, routed; lost",
            _compared("routing-joint", "heldout", "routed", "base", "general", "averaged"),
            "routing-joint/summary.json",
        ),
    ]


_OVERLAPPING = ("disjoint halves", "two seeds", "random")


def _one_adapter(*arms: str) -> list[str]:
    record = json.loads((RESULTS / "one_adapter.json").read_text())
    found = [record["arms"][arm]["solved"] for arm in arms]
    return [f"{each['held-out shapes']}, {each['frozen']}" for each in found]


def _lost_alone(*arms: str) -> str:
    """Return what tasks trained alone lose on average, routed; and forced on every problem."""
    found = _experiment("coefficients")["arms"]
    routed, forced = (
        ", ".join(f"{found[arm][f'mean_lost_{way}']:.1f}" for arm in arms)
        for way in ("routed", "forced")
    )
    return f"{routed}; {forced}"


def _sequential(*arms: str) -> list[list[dict[str, Any]]]:
    """Return each arm's results, one an order."""
    found = _experiment("sequential")["arms"]
    return [found[arm] for arm in arms]


def _experiment(name: str, part: str = "") -> dict[str, Any]:
    stem = "qwen2.5-coder-1.5b-instruct" + (f"-{part}" if part else "")
    path = RESULTS / "experiments" / name / f"{stem}.json"
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def _compared(experiment: str, set_name: str, arm: str, *others: str) -> str:
    size, arms = _compared_arms(experiment, set_name)
    solved = ", ".join(str(arms[name]["totals"]["passed"]) for name in (*others, arm))
    return f"{solved} of {size}; {len(arms[arm]['against_base']['lost'])}"


def _compared_arms(experiment: str, set_name: str) -> tuple[int, dict[str, Any]]:
    """Return how many problems a comparing experiment's set has, and arm -> its results."""
    summary = json.loads((RESULTS / experiment / "summary.json").read_text())
    found = summary["sets"][set_name]
    return found["size"], found.get("runs") or found["strategies"]


def _solved(outcomes: dict[str, str]) -> str:
    return f"{sum(o == 'pass' for o in outcomes.values())}/{len(outcomes)}"


_WITHOUT_TASKS = ("base", "base-again", "hints-second")
BLOCKS: dict[str, Callable[[], str]] = {
    "frozen-1.5b": lambda: render_frozen("1.5b"),
    "frozen-0.5b": lambda: render_frozen("0.5b"),
    "core-1.5b": lambda: render_core("1.5b"),
    "core-0.5b": lambda: render_core("0.5b"),
    "transcript": render_transcript,
    "demo-time": render_demo_time,
    "rendering": render_rendering,
    "renderings": render_renderings,
    "general": lambda: render_general("routing", "heldout", (*_WITHOUT_TASKS, "general", "routed")),
    "general-transfer": lambda: render_general(
        "transfer-general", "transfer", ("base", "general", "cascade")
    ),
    "end-weight": render_end_weight,
    "written": render_written,
    "made-on": render_made_on,
    "router": render_router,
    "first-look": render_first_look,
    "train-cpu": render_train_cpu,
    "edits-losses": render_edits_losses,
    "edits-solved": render_edits_solved,
    "forms": render_forms,
    "share-init": lambda: render_share_init("full"),
    "share-init-attn": lambda: render_share_init("attn"),
    "share-speeds": render_share_speeds,
    "share-streaming": render_share_streaming,
    "share-speeds-intel": lambda: render_share_speeds("share_init_intel.json"),
    "share-product": render_share_product,
    "gate-rules": render_gate_rules,
    "learned-1.5b": lambda: render_learned("1.5b-instruct"),
    "learned-0.5b": lambda: render_learned("0.5b-instruct"),
    "transfer": lambda: render_comparison("transfer", "transfer"),
    "transfer-general": lambda: render_comparison("transfer-general", "transfer"),
    "transfer-0.5b": lambda: render_comparison("transfer-0.5b", "transfer"),
    "one-adapter": render_one_adapter,
    "joint-courses": render_joint_courses,
    "heldout-shapes": render_heldout_shapes,
    "doubts": render_doubts,
    "learned-joint": lambda: render_learned("1.5b-instruct-joint"),
    "transfer-joint": lambda: render_comparison("transfer-joint", "transfer"),
    "heldout-joint": lambda: render_comparison("routing-joint", "heldout"),
    "frozen-joint": lambda: render_comparison("routing-joint", "frozen"),
    "transfer-patterns": lambda: render_patterns("transfer", "transfer", "routed-shipped"),
    "heldout": lambda: render_comparison("routing", "heldout"),
    "heldout-0.5b": lambda: render_comparison("routing-0.5b", "heldout"),
    "frozen-gpu": lambda: render_comparison("routing", "frozen"),
    "frozen-gpu-0.5b": lambda: render_comparison("routing-0.5b", "frozen"),
    "train-gpu": render_train_gpu,
    "recipes": render_recipes,
    "refusals": render_refusals,
    "coefficients": render_coefficients,
    "fix": render_fix,
    "fix-0.5b": lambda: render_fix("fix-0.5b"),
    "serve": render_serve,
    "stall": render_stall,
    "sources": render_sources,
    "fits": render_fits,
    "sequential": render_sequential,
    "sequential-constant": lambda: render_sequential("constant"),
    "again": render_again,
    "again-patterns": render_again_patterns,
    "courses": render_courses,
    "ablation": lambda: render_ablation("k", "p", "pairs", "modules"),
    "seeds": render_seeds,
    "short-programs": render_short_programs,
    "error-codes": render_error_codes,
    "error-codes-in-short": render_error_codes_in_short,
    "angles": render_angles,
    "explained": render_explained,
    "left-out": render_left_out,
    "rerank": render_rerank,
    "paper-numbers": render_paper_numbers,
}


def fill_blocks(text: str) -> str:
    """Return Markdown with every known block's content made anew."""

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- {name} -->\n{BLOCKS[name]()}\n<!-- /{name} -->"

    names = "|".join(map(re.escape, BLOCKS))
    return re.sub(
        rf"<!-- (?P<name>{names}) -->\n.*?<!-- /(?P=name) -->", fill, text, flags=re.DOTALL
    )


def render_reference() -> str:
    """Return the command reference: the help text of every command."""
    pages = "\n\n".join(
        f"## {path}\n\n```text\n{text}\n```" for path, text in _walk(main, "sleepy")
    )
    return f"# Command reference\n\nMade from the program by `make docs`.\n\n{pages}\n"


def _walk(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    # As a user's call makes it: commands take the names of the help option from their parents.
    settings = {} if parent else command.context_settings
    context = click.Context(
        command, parent, name, max_content_width=88, terminal_width=88, **settings
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child is not None:
                yield from _walk(child, child_name, context)


def render_all() -> dict[Path, str]:
    """Return path -> text as it should be, for every file that quotes something."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    fresh = {page: fill_blocks(page.read_text()) for page in pages}
    fresh[ROOT / "docs" / "cli.md"] = render_reference()
    return fresh


if __name__ == "__main__":
    for page, text in render_all().items():
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
            sys.stdout.write(f"updated {page.relative_to(ROOT)}\n")
