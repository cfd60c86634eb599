"""The numbers that settle lines of the paper checklist."""

from __future__ import annotations

import statistics
from typing import Any

from blocks.source import RESULTS, load_arms, load_experiment, load_record, solved_of_all
from blocks.studies import percent_held
from sleepy_coder.report import markdown_table
from sleepy_coder.results import load_run_record

_OVERLAPPING = ("disjoint halves", "two seeds", "random")


def render_paper_numbers() -> str:
    """Return the numbers of result files that settle lines of the paper checklist."""
    found = [*_share_numbers(), *_learned_numbers(), *_study_numbers()]
    head = (None, "what", "number", "file in `results/`")
    rows = [(f"M{place}", *cells) for place, cells in enumerate(found, start=1)]
    return markdown_table(head, rows, num_words=len(head))


def _share_numbers() -> list[tuple[str, str, str]]:
    """Return (what, number, file) of the Share library's benchmarks."""
    init = load_record("share_init.json")
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
    merge = load_record("share_merge.json")
    known, gaps = merge["growth"]["rows"][-1], merge["exactness"]
    of_merge = {
        "a merge against decomposing everything: energy captured, new task's ΔW": (
            f"{gaps['largest_energy_gap']:.0e}, {gaps['largest_new_weight_gap']:.0e}"
        ),
        f"time of new bases with {known['known_tasks']} known tasks against 10": (
            f"{known['bases_of_fewest']:.2f} times"
        ),
    }
    batch = load_record("share_batch.json")
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
    look = load_record("first_look.json")
    edits = load_record("learn/edits_first.json")
    record = load_run_record(RESULTS / "core" / "1.5b" / "base.json")
    base, routed = (look["runs"][f"transfer/{name}"]["totals"] for name in ("base", "routed"))
    change, trials = look["transfer"], edits["trials"]
    solved = f"{base['passed']}, {routed['passed']} of {base['total']}"
    core = f"{solved_of_all(edits['core']['problems'])}; {record.passed}/{len(record.problems)}"
    starts = ("mean, balanced", "random")
    heldout = [solved_of_all(trials[f"missing_clone/{start}/24"]["held-out"]) for start in starts]
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
            "the 0.5B's store, frozen problems: base, routed; lost",
            _compared("routing-0.5b", "frozen", "routed", "base"),
            "routing-0.5b/summary.json",
        ),
        (
            "store of 29 November, frozen problems, alone: base, LoRA, coefficients; lost",
            _compared("routing-before", "frozen", "routed-alone", "base", "lora"),
            "routing-before/summary.json",
        ),
        (
            "the same, held-out, alone: base, projected, LoRA, coefficients; lost",
            _compared("routing-before", "heldout", "routed-alone", "base", "projected", "lora"),
            "routing-before/summary.json",
        ),
    ]


def _study_numbers() -> list[tuple[str, str, str]]:
    """Return (what, number, file) of what bases hold, and how large they need be."""
    axes = {axis: load_experiment("ablation", axis) for axis in ("k", "p")}
    solved = {axis: {s["setting"]: s["passed"] for s in a["settings"]} for axis, a in axes.items()}
    base = axes["k"]["base"]
    sizes = ", ".join(str(solved["k"][k]) for k in ("8", "24", "128", "60 %"))
    found = load_experiment("subspace")
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
        ", ".join(percent_held(variance[side], k) for k in (16, 24, 128)) for side in ("b", "a")
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
                for order in load_experiment("sequential", "scaled")["arms"]["merged scaled"]
            ),
            "experiments/sequential",
        ),
        (
            "the same at a constant k",
            ", ".join(
                f"{order['backward_transfer']:+.3f}"
                for order in load_experiment("sequential", "constant")["arms"]["merged scaled"]
            ),
            "experiments/sequential",
        ),
        (
            "64 patterns learned together, held-out and frozen, alone: r = 16; p = 8; p = 1",
            "; ".join(_one_adapter("lora16", "coef8", "shipped0")),
            "one_adapter.json",
        ),
        (
            "store of 29 November, of 24 adapters, transfer: base, routed; lost",
            _compared("transfer-before", "transfer", "routed-shipped", "base"),
            "transfer-before/summary.json",
        ),
        (
            "the same, held-out: base, general, averaged, routed; lost",
            _compared("routing-before", "heldout", "routed", "base", "general", "averaged"),
            "routing-before/summary.json",
        ),
    ]


def _one_adapter(*arms: str) -> list[str]:
    record = load_record("one_adapter.json")
    found = [record["arms"][arm]["solved"] for arm in arms]
    return [f"{each['held-out shapes']}, {each['frozen']}" for each in found]


def _lost_alone(*arms: str) -> str:
    """Return what tasks trained alone lose on average, routed; and forced on every problem."""
    found = load_experiment("coefficients")["arms"]
    routed, forced = (
        ", ".join(f"{found[arm][f'mean_lost_{way}']:.1f}" for arm in arms)
        for way in ("routed", "forced")
    )
    return f"{routed}; {forced}"


def _sequential(*arms: str) -> list[list[dict[str, Any]]]:
    """Return each arm's results, one an order."""
    found = load_experiment("sequential")["arms"]
    return [found[arm] for arm in arms]


def _compared(experiment: str, set_name: str, arm: str, *others: str) -> str:
    size, arms = load_arms(experiment, set_name)
    solved = ", ".join(str(arms[name]["totals"]["passed"]) for name in (*others, arm))
    return f"{solved} of {size}; {len(arms[arm]['against_base']['lost'])}"
