"""Who solves how many of the core problems, and what a user sees of it."""

from __future__ import annotations

from blocks.source import RESULTS, load_record
from sleepy_coder.cli.problems import render_problem
from sleepy_coder.problems import is_frozen, load_set
from sleepy_coder.report import compare, markdown_table, render_markdown, render_repair
from sleepy_coder.results import RunRecord, load_run_record

STRATEGIES = (
    *("rustfix", "rustfix-maybe", "base", "base-again", "hints", "hints-second"),
    *("averaged", "general", "routed", "cascade"),
)
MODELS = ("1.5b", "0.5b")
# Whose repair README shows: rustc has no suggestion of its own for it.
SHOWN = "rh_009"


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
    rows = []
    for model in MODELS:
        for label, name in (("compact", "base"), ("rustc's own", "base-full")):
            run = load_run_record(RESULTS / "core" / model / f"{name}.json")
            tokens = sum(p.tokens_in for p in run.problems)
            rows.append((model, label, tokens, f"{run.passed}/{len(run.problems)}"))
    return markdown_table(("model", "rendering", "prompt tokens", "solved"), rows, num_words=2)


def render_renderings() -> str:
    """Return what quoting lines in the compact rendering did, by set."""
    found = load_record("renderings.json")
    rows = []
    for one in found["solved"]:
        before, now, total = one["former_compact"], one["quoting_compact"], one["total"]
        who = "the routed task" if one.get("who") == "task" else "base model"
        rows.append((one["model"], one["set"], who, f"{before}/{total}", f"{now}/{total}"))
    head = ("model", "problems", "who answers", "line numbers", "lines quoted")
    return markdown_table(head, rows, num_words=3)


def render_made_on() -> str:
    """Return where and with what the runs on the core problems were made."""
    head = ("model", "number format", "device", "torch", "transformers", "rustc")
    rows = []
    for model in MODELS:
        run = load_run_record(RESULTS / "core" / model / "base.json")
        made, judged = run.environment["generation"], run.environment["judging"]
        versions = (made["libraries"]["torch"], made["libraries"]["transformers"])
        rows.append((model, run.config["dtype"], made["device"], *versions, judged["rustc"]))
    return markdown_table(head, rows, num_words=len(head))


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
    record = load_record("demo.json")
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
    record = load_record("router.json")
    counts = {
        f"generated programs of {record['patterns']} patterns": record["generated"],
        "core problems": record["core"],
        "programs of no pattern, left without a route": record["no_pattern"],
    }
    rows = [(label, f"{count['passed']}/{count['total']}") for label, count in counts.items()]
    return markdown_table(("programs", "routed rightly"), rows)
