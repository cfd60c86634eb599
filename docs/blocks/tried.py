"""What was tried on the way to how tasks are learned and heard."""

from __future__ import annotations

from blocks.source import load_record, solved_of_all
from sleepy_coder.report import markdown_table


def render_first_look() -> str:
    """Return the first reading of routed coefficients beside the base model."""
    record = load_record("first_look.json")
    rows = []
    for name, label in (
        ("transfer", "mutants of crates never trained on"),
        ("generated", "the training generators, another seed"),
    ):
        totals = [record["runs"][f"{name}/{run}"]["totals"] for run in ("base", "routed")]
        cells = [
            f"{t['passed']}/{t['total']} ({100 * t['passed'] / t['total']:.1f} %)" for t in totals
        ]
        rows.append((label, *cells))
    change = record["transfer"]
    fact = f"On the mutants {change['gained']} gained, {change['lost']} lost."
    return f"{markdown_table(('set', 'base', 'routed'), rows)}\n\n{fact}"


def render_edits_losses() -> str:
    """Return the losses by how coefficients start, at some steps."""
    losses = load_record("learn/edits_first.json")["losses"]
    steps = (1, 4, 7, 12, 20)
    rows = [
        (task, start, *(f"{curves[task][step - 1]:.3f}" for step in steps))
        for task in ("missing_clone", "return_local_ref")
        for start, curves in losses.items()
    ]
    return markdown_table(("task", "start", *(f"step {step}" for step in steps)), rows, num_words=2)


def render_edits_solved() -> str:
    """Return what these coefficients solved, and the 72 tasks that started from the mean."""
    record = load_record("learn/edits_first.json")
    sets = ("core", "held-out", "gate")
    rows = [
        (*name.split("/"), *(solved_of_all(trials[each]) for each in sets))
        for name, trials in record["trials"].items()
    ]
    core = solved_of_all(record["core"]["problems"])
    fact = f"All 72 tasks started from the mean as it is, routed, on the core problems: {core}."
    return f"{markdown_table(('task', 'start', 'steps', *sets), rows, num_words=2)}\n\n{fact}"


def render_forms() -> str:
    """Return what answer forms and starts of coefficients came to, before any gate."""
    record = load_record("learn/forms.json")
    keys = ("problems", "base", "solved", "gained", "lost")
    rows = [(row["what"], *(row[key] for key in keys)) for row in record["runs"]]
    core = record["core"]
    scores = [f"{name}: {found['core']}" for name, found in core.items() if name != "what"]
    fact = f"Of the 42 core problems, {'; '.join(scores)}."
    return f"{markdown_table(('answers', *keys), rows)}\n\n{fact}"


def render_gate_rules() -> str:
    """Return how two rules of the gate do on crates that they have not seen."""
    record = load_record("learn/gate_rules.json")
    rows = [
        (
            row["rule"],
            f"{100 * row['max_lost_frac']:.1f}",
            f"{100 * row['gained_frac']:.1f}",
            f"{100 * row['lost_frac']:.2f}",
        )
        for row in record["rules"]
    ]
    return markdown_table(("rule", "budget, %", "gained, points", "lost, %"), rows)


def render_recipes() -> str:
    """Return what ways of training mend of the problems that the base model repeats."""
    record = load_record("learn/recipes.json")
    sets = record["rows"][0]["sets"]
    rows = []
    for row in record["rows"]:
        found = [row["sets"][name] for name in sets]
        cells = [f"{each['passed_without_turning']} → {each['passed']}" for each in found]
        rows.append((row["name"], *cells))
    heads = [f"{name}, {each['problems']}" for name, each in sets.items()]
    return markdown_table(("who answers", *heads), rows)


def render_refusals() -> str:
    """Return what refusing more answers than those that repeat the program changed."""
    found = load_record("refusals.json")["rows"]
    head = ("strategy", "before", "after", "gained", "lost")
    rows = [[row[key] for key in head] for row in found]
    return f"{found[0]['problems']} problems:\n\n{markdown_table(head, rows)}"


def render_rerank() -> str:
    """Return what choosing between the base model's and the task's answer by likelihood changes."""
    record = load_record("rerank.json")
    heads = {
        "set": "set",
        "differ": "answers that differ",
        "base_only": "only base right",
        "task_only": "only the task right",
        "margin": "margin, nats",
        "gained": "gained",
        "lost": "lost",
    }
    rows = [[each[key] for key in heads] for each in record["rows"]]
    return markdown_table(list(heads.values()), rows)


def render_written() -> str:
    """Return what came of the programs that the model wrote."""
    record = load_record("written.json")
    part, found = record["mended_part"], record["problems"]
    return (
        f"{record['written']:,} programs written; of the first {part['programs']}, "
        f"{part['compile']} compile and {part['mended']} were mended. {found['total']:,} problems "
        f"of {found['patterns']} patterns from {found['programs']:,} programs, "
        f"{found['own_mistakes']} of them the model's own mistakes."
    )


_PARTS = ("gate", "heldout", "frozen")


def render_end_weight() -> str:
    """Return what tasks solve between where they started and where training took them."""
    record = load_record("end_weight.json")
    gate, heldout, frozen = (record["rows"][0][part]["total"] for part in _PARTS)
    head = ["kept, from the start 0 to the end 1", f"gate, {gate}", "lost"]
    head += [f"held-out, {heldout}", f"frozen, {frozen}"]
    rows = []
    for row in record["rows"]:
        gate, heldout, frozen = (row[part] for part in _PARTS)
        cells = (gate["passed"], gate["lost"], heldout["passed"], frozen["passed"])
        rows.append((f"{row['end_weight']:g}", *cells))
    return markdown_table(head, rows, num_words=0)
