"""What the tasks of learned stores solve, and lose."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from blocks.source import RESULTS, load_arms, load_record
from sleepy_coder.experiments.transfer import ENOUGH_PROBLEMS
from sleepy_coder.learning.gate import Trial
from sleepy_coder.learning.trials import load_trials
from sleepy_coder.metrics import mean_interval
from sleepy_coder.report import markdown_table

# Courses of the larger model's store on one adapter, as their files are named.
_COURSES = {
    "-joint": "280 steps, one and a half times over the pairs",
    "-joint-once": "240 steps, once over the pairs, at 0.7 of its weight",
    "": "400 steps, one and a half times over the pairs, at 0.8: shipped",
}


def render_learned(store: str) -> str:
    """Return what a store's tasks do on the problems that select, alone and in second place."""
    gate = load_record(f"learn/qwen2.5-coder-{store}.json")["gate"]
    tried = list(_trials_of(store).values())
    least = {task: ruling["min_doubt"] for task, ruling in gate["rulings"].items()}
    base = [t.is_solved_by_base for t in tried]
    alone = [t.is_solved_by_task for t in tried]
    second = [t.is_solved(None) for t in tried]
    routed = [t.is_solved(least[t.task]) for t in tried]
    ways = [
        ("the routed task, whatever the base model says", alone),
        ("the base model, and the routed task where that is seen to be no repair", second),
    ]
    if gate["min_doubt"] is not None:
        ways.append(
            (f"and where that is {gate['min_doubt']:g} times less sure than the task", routed)
        )
    rows: list[Sequence[object]] = [("base model", sum(base), None, None)]
    for name, solved in ways:
        gained = sum(own and not other for own, other in zip(solved, base, strict=True))
        lost = sum(other and not own for own, other in zip(solved, base, strict=True))
        rows.append((name, sum(solved), gained, lost))
    refused = sum(t.is_refused and not t.is_solved_by_base for t in tried)
    failed = len(tried) - sum(base)
    head = (f"{len(tried)} problems that select", "solved", "gained", "lost")
    fact = (
        f"Of the {failed} problems that the base model fails, {refused} are seen to be no repair."
    )
    return f"{markdown_table(head, rows)}\n\n{fact}"


def render_comparison(experiment: str, set_name: str) -> str:
    """Return what the arms of a comparing experiment solve of one set, and against base."""
    size, arms = load_arms(experiment, set_name)
    lengths = list(arms["base"].get("length_rates", ()))
    head = [f"{size} problems", "solved", "percent", "gained", "lost"]
    head += [f"{lines} lines" for lines in lengths]
    rows = []
    for name, arm in arms.items():
        totals, against = arm["totals"], arm["against_base"]
        cells = [name, str(totals["passed"]), f"{100 * totals['frac']:.1f}"]
        cells += ["", ""] if name == "base" else [str(len(against[k])) for k in ("gained", "lost")]
        rates = [arm["length_rates"][each] for each in lengths]
        cells += [f"{rate['passed']}/{rate['total']}" for rate in rates]
        rows.append(cells)
    return markdown_table(head, rows)


def render_patterns(experiment: str, set_name: str, arm: str) -> str:
    """Return what an arm gains in each pattern, those with ten problems and more."""
    _, arms = load_arms(experiment, set_name)
    groups = arms[arm]["patterns"]
    many = {name: each for name, each in groups.items() if each["total"] >= ENOUGH_PROBLEMS}
    rows = [
        (name, each["total"], each["num_before"], each["num_after"], len(each["lost"]))
        for name, each in sorted(
            many.items(), key=lambda item: item[1]["change_frac"], reverse=True
        )
    ]
    return markdown_table(("pattern", "problems", "base", arm, "lost"), rows)


def render_general(experiment: str, set_name: str, names: Sequence[str]) -> str:
    """Return what the task `general` does for patterns that it learned from, and for others."""
    _, arms = load_arms(experiment, set_name)
    course = load_record("learn/qwen2.5-coder-1.5b-instruct.json")
    learned = course["config"]["basis_patterns"]
    rows = []
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
        rows.append((label, total, *(sum(each["num_after"] for each in own) for own in groups)))
    return markdown_table((f"{set_name} problems of", "problems", *names), rows)


def render_heldout_shapes() -> str:
    """Return of how many held-out shapes all, some and no programs are mended, and what that tells.

    The programs of a shape are alike: the intervals are of sums over shapes, not over programs.
    """
    stores = {"routing-before": "the store of 29 November"}
    stores |= {f"routing{name}": words for name, words in _COURSES.items()}
    head = ["routed", "solved", "shapes: all", "some", "none", "95 % interval by shapes"]
    head += ["against the first, by shapes"]
    rows = []
    first: dict[str, int] = {}
    for experiment, words in stores.items():
        groups = load_arms(experiment, "heldout")[1]["routed"]["patterns"]
        solved = {name: each["num_after"] for name, each in groups.items()}
        totals = {name: each["total"] for name, each in groups.items()}
        first = first or solved
        gains = [solved[name] - first[name] for name in first]
        rows.append(
            (
                words,
                sum(solved.values()),
                sum(solved[name] == total for name, total in totals.items()),
                sum(0 < solved[name] < total for name, total in totals.items()),
                sum(number == 0 for number in solved.values()),
                _interval([*solved.values()]),
                _interval(gains) if first != solved else "",
            )
        )
    return markdown_table(head, rows)


def _interval(counts: Sequence[int]) -> str:
    """Return a normal 95 % interval of a sum, from how much its summands differ."""
    spread = 1.96 * statistics.stdev(counts) * len(counts) ** 0.5
    return f"{round(sum(counts) - spread)} to {round(sum(counts) + spread)}"


def render_seeds() -> str:
    """Return what the tasks of the core problems solve of the frozen ones, from several seeds."""
    record = load_record("seeds.json")
    rows = []
    for seed, found in record["seeds"].items():
        name = f"seed {seed}" + ", as shipped" * (seed == "0")
        rows.append((name, *(f"{len(found[way])}/30" for way in ("alone", "routed"))))
    solved = markdown_table((f"{len(record['tasks'])} tasks", "alone", "routed"), rows)
    spread = mean_interval([len(found["routed"]) / 30 for found in record["seeds"].values()])
    mean, low, high = (100 * each for each in spread)
    return (
        f"{solved}\n\nRouted, {mean:.0f} % of the frozen ones on average, 95 % interval "
        f"{low:.0f} to {high:.0f} %."
    )


def render_one_adapter() -> str:
    """Return what one set of parameters for all patterns solves, answering every problem itself."""
    record = load_record("one_adapter.json")
    names = {
        "base": "the base model",
        "shipped0": "`general` of the store before: one column over the basis",
        "coef8": "eight columns over the same basis",
        "lora16": "a LoRA adapter, r = 16",
    }
    heads = [f"{name}, {size}" for name, size in record["sets"].items()]
    rows = []
    for key, words in names.items():
        arm = record["arms"][key]
        cells = [
            str(arm["solved"][name]) + (f" ({arm['lost'][name]})" if key != "base" else "")
            for name in record["sets"]
        ]
        rows.append((words, *cells))
    return markdown_table(("solved (lost) of", *heads), rows)


def render_joint_courses() -> str:
    """Return what three courses of a store on one adapter came to, on what all were asked."""
    trials = {name: _trials_of(f"1.5b-instruct{name}") for name in _COURSES}
    asked_of_all = set.intersection(*map(set, trials.values()))
    head = [
        *("solved (lost)", f"selecting, {len(asked_of_all)}: alone", "from a doubt of 5 on"),
        *("transfer: alone", "routed", "held-out: alone", "routed", "frozen: alone", "routed"),
    ]
    rows = []
    for name, words in _COURSES.items():
        asked = [trials[name][each] for each in asked_of_all]
        cells = [words]
        for least in (0.0, 5.0):
            found = [(t.is_solved(least), t.is_solved_by_base) for t in asked]
            lost = sum(base and not own for own, base in found)
            cells.append(f"{sum(own for own, _ in found)} ({lost})")
        for part, set_name, arms in (
            ("transfer", "transfer", ("alone-shipped", "routed-shipped")),
            ("routing", "heldout", ("routed-alone", "routed")),
            ("routing", "frozen", ("routed-alone", "routed")),
        ):
            found_arms = load_arms(f"{part}{name}", set_name)[1]
            for arm in arms:
                lost = len(found_arms[arm]["against_base"]["lost"])
                cells.append(f"{found_arms[arm]['totals']['passed']} ({lost})")
        rows.append(cells)
    return markdown_table(head, rows)


def render_doubts() -> str:
    """Return what the shipped tasks would solve, and lose, heard from other doubts on."""
    record = load_record("learn/doubts-shipped.json")
    names = list(record["sizes"])
    head = ["heard from a doubt of", "tasks heard", "lost of selecting by any task"]
    head += [f"{name}, {record['sizes'][name]}" for name in names]
    alone = record["alone"]
    cells = ["none: tasks alone", "all", alone["selecting"][1]]
    rows = [(*cells, *("{} ({})".format(*alone[name]) for name in names))]
    for each in record["doubts"]:
        cells = [f"{each['doubt']:g}", each["heard"], each["selecting_lost_by_any"]]
        rows.append((*cells, *("{} ({})".format(*each[name]) for name in names)))
    return markdown_table(head, rows)


def _trials_of(store: str) -> dict[str, Trial]:
    """Return problem id -> what a course's gate looked at, of the step that was taken."""
    stem = f"learn/qwen2.5-coder-{store}"
    step = load_record(f"{stem}.json")["gate"]["step"]
    return load_trials(RESULTS / f"{stem}.trials.jsonl", step)
