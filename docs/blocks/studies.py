"""What the experiments on bases and coefficients found, of `results/experiments/`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from blocks.source import load_experiment
from sleepy_coder.problems import is_frozen
from sleepy_coder.report import markdown_table


def render_coefficients() -> str:
    """Return what training one task at a time does to the frozen problems, routed and forced."""
    record = load_experiment("coefficients")
    base, routes = record["base"], record["routes"]
    tasks = next(iter(record["arms"].values()))["tasks"]
    own = [name for name, task in routes.items() if task in tasks]
    head = [f"trained alone, {len(tasks)} tasks", "parameters a task", "own problems solved"]
    head += ["lost, routed", "lost, forced", f"solved of {len(base)}, forced"]
    solved = sum(base[name] for name in own)
    rows: list[Sequence[object]] = [
        ("base model", None, f"{solved}/{len(own)}", None, None, sum(base.values()))
    ]
    for arm, found in record["arms"].items():
        solved = sum(found["tasks"][routes[name]]["routed"]["solved"][name] for name in own)
        forced = statistics.fmean(
            sum(task["forced"]["solved"].values()) for task in found["tasks"].values()
        )
        lost = (f"{found[f'mean_lost_{way}']:.2f}" for way in ("routed", "forced"))
        size = f"{found['parameters_per_task']:,}"
        rows.append((arm, size, f"{solved}/{len(own)}", *lost, f"{forced:.1f}"))
    return markdown_table(head, rows)


def render_sequential(part: str = "") -> str:
    """Return what tasks learned one after another keep, by arm, and what they store."""
    record = load_experiment("sequential", part)
    head = [
        f"{len(record['orders'][0])} tasks, orders: {len(record['orders'])}",
        *("own problems at the end, %", "backward transfer", "forgetting"),
        *("frozen, before and at the end", "bytes a task"),
    ]
    frozen = [name for name in record["base"] if is_frozen(name)]
    before = sum(record["base"][name] for name in frozen)
    first = next(iter(record["arms"].values()))[0]["matrix"][0]  # before anything is learned
    rows: list[Sequence[object]] = [
        ("base model", f"{100 * statistics.fmean(first):.0f}", None, None, before, None)
    ]
    for arm, orders in record["arms"].items():

        def mean(key: str, orders: Sequence[Mapping[str, Any]] = orders) -> float:
            return statistics.fmean(order[key] for order in orders)

        last = statistics.fmean(order["frozen"][-1] for order in orders) * len(frozen)
        sizes = [order["bytes"] for order in orders]
        grown = statistics.fmean((size[-1] - size[0]) / (len(size) - 1) for size in sizes)
        cells = [f"{100 * mean('average_accuracy'):.0f}", f"{mean('backward_transfer'):+.3f}"]
        cells += [f"{mean('forgetting'):.3f}", f"{before}, {last:.0f} of {len(frozen)}"]
        rows.append((arm, *cells, f"{grown:,.0f}"))
    return markdown_table(head, rows)


def render_ablation(*axes: str) -> str:
    """Return what is solved at each setting of some axes."""
    tables = []
    for axis in axes:
        record = load_experiment("ablation", axis)
        total, base = record["base"]["total"], record["base"]["passed"]
        names, counts = (
            [each[key] for each in record["settings"]] for key in ("setting", "passed")
        )
        head = (f"{axis}, {len(record['totals'])} tasks", *names)
        tables.append(
            markdown_table(head, [(f"solved of {total}, the base model {base}", *counts)])
        )
    return "\n\n".join(tables)


def render_sources() -> str:
    """Return what pairs of each source are worth, alone and mixed."""
    record = load_experiment("ablation", "sources")
    base = record["base"]
    rows: list[Sequence[object]] = [
        ("nothing: the base model", None, f"{base['passed']}/{base['total']}")
    ]
    for each in record["settings"]:
        pairs = sum(each["pairs"].values())
        rows.append((each["setting"], f"{pairs:,}", f"{each['passed']}/{each['total']}"))
    return markdown_table((f"{len(record['totals'])} tasks learn from", "pairs", "solved"), rows)


def render_fits() -> str:
    """Return what is solved with other weights of the loss, and after other numbers of steps."""
    weights, steps = (load_experiment("ablation", part) for part in ("weights", "steps"))
    usual, longer = (each["learning"]["recipe"]["coefficients"] for each in (weights, steps))
    weight = f"{longer['edit_weight']:g} : {longer['kept_weight']:g}"
    base = weights["base"]
    rows: list[Sequence[object]] = [("the base model", None, f"{base['passed']}/{base['total']}")]
    found = [(each["setting"], usual["num_steps"], each) for each in weights["settings"]]
    found += [(weight, int(each["setting"]), each) for each in steps["settings"]]
    for name, count, each in sorted(found, key=lambda row: (float(row[0].split()[0]), row[1])):
        rows.append((name, count, f"{each['passed']}/{each['total']}"))
    first = f"{len(weights['totals'])} tasks, weight of edited : kept tokens"
    return markdown_table((first, "steps", "solved"), rows)


def render_angles() -> str:
    """Return how much bases of different adapters overlap, and what they leave to chance."""
    record = load_experiment("subspace")
    first = f"k = {record['config']['components']}, {len(record['tasks'])} adapters"
    rows = [
        (name, *(_overlap(sides[side]) for side in ("b", "a")))
        for name, sides in record["angles"].items()
    ]
    return markdown_table((first, "overlap, B side", "overlap, A side"), rows)


def _overlap(side: Mapping[str, Any]) -> str:
    found = f"{side['overlap']:.3f}"
    return found if side["low"] is None else f"{found} ({side['low']:.3f} to {side['high']:.3f})"


def render_explained() -> str:
    """Return the part of the variance in the first directions, the mean over modules."""
    record = load_experiment("subspace")
    widths = [
        len(m) for sides in record["explained"].values() for side in sides.values() for m in side
    ]
    ks = [k for k in (8, 24, 64, 128) if k <= min(widths)]
    rows = [
        (name, *(", ".join(percent_held(sides[side], k) for side in ("b", "a")) for k in ks))
        for name, sides in record["explained"].items()
    ]
    first = "variance in the first directions, %; B side, A side"
    return markdown_table((first, *(f"k = {k}" for k in ks)), rows)


def percent_held(modules: Sequence[Sequence[float]], k: int) -> str:
    """Return the part of a side's variance in the first k directions, the mean over modules."""
    return f"{100 * statistics.fmean(module[k - 1] for module in modules):.0f}"


def render_left_out() -> str:
    """Return what a basis of the other patterns' adapters holds of a left-out one."""
    record = load_experiment("subspace")["leave_one_out"]
    total = record["arms"][0]["total"]
    first = f"{len(record['patterns'])} patterns left out in turn, {total} problems"
    rows = []
    for arm in record["arms"]:
        change = arm["against_mean"]
        k = "" if arm["k"] is None else arm["k"]
        versus = "" if arm["arm"] == "mean" else f"+{change['gained']}, -{change['lost']}"
        rows.append((arm["arm"], k, f"{arm['error']:.2f}", arm["passed"], versus))
    return markdown_table((first, "k", "error of ΔW", "solved", "against the mean alone"), rows)
