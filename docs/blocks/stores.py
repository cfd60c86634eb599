"""What the tasks of learned stores solve, and lose."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from blocks.source import RESULTS, load_arms, load_record
from sleepy_coder.experiments.summary import summarize_seeds
from sleepy_coder.experiments.transfer import ENOUGH_PROBLEMS
from sleepy_coder.learning.gate import Trial
from sleepy_coder.learning.trials import load_trials
from sleepy_coder.problems import is_frozen
from sleepy_coder.report import markdown_table
from sleepy_coder.results import load_run_record


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
    stores = {"routing": "the store of 29 November", "routing-joint": "280 steps"}
    stores["routing-joint-once"] = "240 steps, at 0.7"
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
    """Return what the tasks of the frozen problems solve, learned from several seeds."""
    stem = "qwen2.5-coder-1.5b-instruct"
    first = load_record(f"learn/{stem}-seed-1.json")
    tasks = set(first["tasks"])
    core = load_run_record(RESULTS / "core" / "1.5b" / "routed.json")
    before = sum(p.outcome == "pass" for p in core.problems if is_frozen(p.id))
    found = {"the store before": (f"{stem}.json", before)}
    frozen = {}
    for path in sorted((RESULTS / "seeds").glob("frozen-seed-*.json")):
        seed = path.stem.removeprefix("frozen-seed-")
        frozen[seed] = load_run_record(path)
        found[f"seed {seed}"] = (f"{stem}-seed-{seed}.json", frozen[seed].passed)
    rows = []
    for name, (file, passed) in found.items():
        record = load_record(f"learn/{file}")
        rulings = [r for task, r in record["gate"]["rulings"].items() if task in tasks]
        alone, total = (sum(r[key] for r in rulings) for key in ("solved_alone", "total"))
        sources = "mutants, generated" + ", written" * record["config"]["uses_written"]
        rows.append((name, sources, f"{alone}/{total}", f"{passed}/30"))
    head = (f"{len(tasks)} tasks", "pairs from", "selecting, the task alone", "frozen, routed")
    solved = markdown_table(head, rows, num_words=2)
    if len(frozen) <= 2:  # noqa: PLR2004 - of two, an interval says nothing
        return solved
    spread = summarize_seeds(frozen)
    mean, low, high = (100 * spread[key] for key in ("mean", "low", "high"))
    fact = (
        f"Seeds 1 to {len(frozen)}: {mean:.0f} % of the frozen ones, 95 % interval "
        f"{low:.0f} to {high:.0f} %."
    )
    return f"{solved}\n\n{fact}"


def render_again() -> str:
    """Return what tasks that were learned again solve, beside what they solved before."""
    record = load_record("again.json")
    first = f"problems that lead to the {len(record['tasks'])} tasks"
    rows = []
    for name, found in record["sets"].items():
        total = found["total"] + found["others_total"]
        own = [found[key] for key in ("base", "before", "now")]
        both = [f"{found['others'] + found[key]}/{total}" for key in ("before", "now")]
        rows.append((f"{name}, {found['total']}", *own, *both))
    return markdown_table((first, "base", "before", "now", "all problems, before", "now"), rows)


def render_again_patterns() -> str:
    """Return where learning again changed what is solved of a pattern's held-out problems."""
    record = load_record("again.json")
    changed = {name: pair for name, pair in record["by_pattern"].items() if pair[0] != pair[1]}
    return ", ".join(f"`{name}` {old} to {new}" for name, (old, new) in sorted(changed.items()))


def render_courses() -> str:
    """Return what the mean of two courses solves of the selecting problems, and one of them."""
    courses = load_record("again.json")["courses"]
    names = {"seed-4": "one course, half way", "soup-5": "two, half way", "soup-75": "two, 0.75"}
    total = next(iter(courses.values()))["total"]
    rows = [
        (words, courses[key]["alone"], f"+{courses[key]['net_gain']}")
        for key, words in names.items()
    ]
    head = (f"all 72 tasks, {total} selecting problems", "alone", "routed, beyond the base")
    return markdown_table(head, rows)


def render_one_adapter() -> str:
    """Return what one set of parameters for all patterns solves, answering every problem itself."""
    record = load_record("one_adapter.json")
    names = {
        "base": "the base model",
        "shipped0": "the shipped `general`: one column over the basis",
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
    """Return what two courses of a store on one adapter came to, on what both were asked."""
    names = {
        "joint": "280 steps, one and a half times over the pairs",
        "joint-once": "240 steps, once over the pairs, at 0.7 of its weight",
    }
    trials = {name: _trials_of(f"1.5b-instruct-{name}") for name in names}
    both = set.intersection(*map(set, trials.values()))
    head = [
        *("solved (lost)", f"selecting, {len(both)}: alone", "from a doubt of 5 on"),
        *("transfer: alone", "routed", "held-out: alone", "routed", "frozen: alone", "routed"),
    ]
    rows = []
    for name, words in names.items():
        asked = [trials[name][each] for each in both]
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
            found_arms = load_arms(f"{part}-{name}", set_name)[1]
            for arm in arms:
                lost = len(found_arms[arm]["against_base"]["lost"])
                cells.append(f"{found_arms[arm]['totals']['passed']} ({lost})")
        rows.append(cells)
    return markdown_table(head, rows)


def render_doubts(name: str) -> str:
    """Return what a store's tasks would have solved, and lost, heard from other doubts on."""
    record = load_record(f"learn/{name}.json")
    names = list(record["sizes"])
    head = ["heard from a doubt of", "tasks heard", "lost of selecting by any task"]
    head += [f"{name}, {record['sizes'][name]}" for name in names]
    rows = []
    if alone := record.get("alone"):
        cells = ["none: tasks alone", "all", alone["selecting"][1]]
        rows.append((*cells, *("{} ({})".format(*alone[name]) for name in names)))
    for each in record["doubts"]:
        cells = [f"{each['doubt']:g}", each["heard"], each["selecting_lost_by_any"]]
        rows.append((*cells, *("{} ({})".format(*each[name]) for name in names)))
    return markdown_table(head, rows)


def _trials_of(store: str) -> dict[str, Trial]:
    """Return problem id -> what a course's gate looked at, of the step that was taken."""
    stem = f"learn/qwen2.5-coder-{store}"
    step = load_record(f"{stem}.json")["gate"]["step"]
    return load_trials(RESULTS / f"{stem}.trials.jsonl", step)
