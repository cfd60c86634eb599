"""The words that shapes are filled with: coherent domains, ordinary local names, small literals."""

from __future__ import annotations

from functools import cache
from importlib import resources
from random import Random

_LOCALS = {
    "acc": "total sum running tally",
    "item": "item entry current candidate",
    "list": "items values records pending",
    "out": "result output report summary",
    "name": "name who id handle",
    "key": "key slot name tag",
    "idx": "i idx pos k",
    "n": "n num each amount_of",
    "buf": "buffer buf scratch text_out",
    "first": "first head front lead",
    "last": "last tail newest latest",
    "other": "other rhs peer that",
    "flag": "found done ready changed",
    "map": "counts by_name lookup registry",
    "raw": "raw input text_in typed",
    "Int": "u32 u64 i64 i32",
    "Float": "f64 f32",
    "Failure": "ParseFailure LoadError InputProblem ConfigError",
    "CAP": "LIMIT CAPACITY MAX_ITEMS THRESHOLD",
    "helper": "summarize describe render_all compute",
    "helper2": "longest pick_best choose select_one",
    "tool": "update refresh adjust rework",
    "Wrap": "Holder Slot Guarded Envelope",
    "Act": "Describe Weigh Report Score",
    "act": "describe weigh report score_of",
}


def draw_words(rng: Random, *, avoid: set[str] | None = None) -> dict[str, str]:
    """Return one program's vocabulary: the words of a domain, local names and literals.

    Args:
        rng: Where the choices come from.
        avoid: Entities (as in `Parcel`) whose domains are taken already.
    """
    row = rng.choice([r for r in _domains() if r[0] not in (avoid or set())])
    entity, plural, store, text, num, num2, verb, verb2, *samples = row
    rng.shuffle(samples)
    words = {
        "Entity": entity,
        "entity": entity.lower(),
        "ENTITY": entity.upper(),
        "entities": plural.rstrip("_"),
        "Store": store,
        "store": store.lower(),
        "text": text,
        "num": num,
        "num2": num2,
        "verb": verb,
        "verb2": verb2,
    }
    words.update({f"w{i}": sample.replace("_", " ") for i, sample in enumerate(samples, 1)})
    words.update({name: rng.choice(choices.split()) for name, choices in _LOCALS.items()})
    numbers = rng.sample(range(2, 60), 6)
    words.update({f"n{i}": str(number) for i, number in enumerate(numbers, 1)})
    words.update({f"f{i}": f"{rng.randint(1, 90)}.{rng.choice('1257')}" for i in (1, 2, 3)})
    words["big"] = str(rng.randint(100, 990))
    words["cap"] = str(rng.choice([4, 8, 10, 16, 64, 100]))
    return words


def domain_names() -> set[str]:
    """Return the entities of all domains."""
    return {row[0] for row in _domains()}


@cache
def _domains() -> tuple[tuple[str, ...], ...]:
    file = resources.files("sleepy_coder.patterns") / "shapes" / "domains.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split()) for line in lines if line and not line.startswith("#"))
