"""Rules for names, visibility, imports, arguments and inferred types."""

from __future__ import annotations

from difflib import get_close_matches

from sleepy_coder.router.facts import Facts, ticked
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule, always
from sleepy_coder.router.types import parse_type

# A macro that cannot be found has no code.
_UNRESOLVED = (
    None, "E0405", "E0412", "E0422", "E0423", "E0425", "E0432", "E0433", "E0531", "E0574",
)  # fmt: skip


def _can_import(f: Facts) -> bool:
    """Whether rustc proposes a `use` line for the name that it did not find."""
    return f.has_help("consider importing") and f.suggests("use ")


def _imports_elsewhere(f: Facts) -> bool:
    """Whether rustc knows the name of a `use` line under another path."""
    return f.code == "E0432" and f.has_help("consider importing this", " instead")


def _might_be_another_method(f: Facts) -> bool:
    """Whether nothing says that the method is missing for want of a trait, a bound or an import."""
    return (
        f.says("named `")
        and not f.has_help("is implemented but not in scope")
        and not f.has_note("perhaps you need to implement")
        and not f.is_about_type_parameter
        and not f.has_note("exists on the type")
    )


def _resembles_own_method(f: Facts) -> bool:
    """Whether a type of the program has a method of the same words, or of more or fewer."""
    words = set(f.subject.split("_"))
    owners = [parse_type(name).head for name in ticked(f.message)[1:]]
    known = frozenset[str]().union(*(f.view.methods_of(owner) for owner in owners))
    is_alike = any(words <= own or own <= words for own in (set(n.split("_")) for n in known))
    return is_alike and f.subject not in known


def _is_local_item(f: Facts) -> bool:
    """Whether the private item is declared in the same file, where it can be made public."""
    notes = [s for c in f.error.children if "defined here" in c.message for s in c.spans]
    labelled = [s for s in f.error.spans if "defined here" in (s.label or "")]
    return any(span.file_name == f.primary.file_name for span in notes + labelled)


def _is_plain_field(f: Facts) -> bool:
    """Whether the field is looked for on a struct, not on an Option or Result that holds one."""
    return not f.says("on type `Option<") and not f.says("on type `Result<")


def _is_constructor(f: Facts) -> bool:
    return f.says("tuple struct constructor")


NAME_RULES = (
    Rule(
        "private_field",
        CERTAIN,
        ("E0616", "E0451"),
        always,
        "the field `{subject}` is private",
    ),
    Rule(
        "private_field",
        CLEAR,
        ("E0603", "E0423"),
        lambda f: (
            (_is_constructor(f) and _is_local_item(f))
            or f.says("cannot initialize a tuple struct which contains private fields")
        ),
        "the fields of `{subject}` are private",
    ),
    Rule(
        "private_function",
        CERTAIN,
        ("E0603", "E0624"),
        lambda f: _is_local_item(f) and not _is_constructor(f),
        "`{subject}` is private",
    ),
    Rule(
        "missing_import",
        CLEAR,
        _UNRESOLVED,
        lambda f: _can_import(f) or _imports_elsewhere(f),
        "`{subject}` exists in a library and is not imported",
    ),
    Rule(
        "unknown_name",
        CLEAR,
        _UNRESOLVED,
        lambda f: (
            f.similar_name and not _can_import(f) and not f.has_help("missing a type parameter")
        ),
        "`{subject}` does not exist, and a similar name does",
    ),
    Rule(
        "unknown_name",
        LIKELY,
        ("E0433",),
        lambda f: (
            not f.similar_name
            and not _can_import(f)
            and bool(get_close_matches(f.view.text(f.primary), f.view.item_names, cutoff=0.8))
        ),
        "`{subject}` does not exist, and the program declares a similar name",
    ),
    Rule(
        "missing_method_import",
        CERTAIN,
        ("E0599",),
        lambda f: f.has_help("is implemented but not in scope") and f.suggests("use "),
        "the trait that provides `{subject}` is not in scope",
    ),
    Rule(
        "unknown_method",
        CLEAR,
        ("E0599",),
        lambda f: (
            _might_be_another_method(f)
            and (f.similar_name or f.has_help("you might have meant to use"))
        ),
        "there is no `{subject}`, and a similar name exists",
    ),
    Rule(
        "unknown_method",
        LIKELY,
        ("E0599",),
        lambda f: _might_be_another_method(f) and not f.similar_name and _resembles_own_method(f),
        "there is no `{subject}`, and the type has a method of nearly the same words",
    ),
    Rule(
        "unknown_method",
        LIKELY,
        ("E0599",),
        lambda f: f.has_note("if you're trying to build a new") and not f.similar_name,
        "there is no `{subject}`; the type is built by another function",
    ),
    Rule(
        "unknown_field",
        CERTAIN,
        ("E0560", "E0559", "E0026"),
        always,
        "there is no field `{subject}`",
    ),
    Rule(
        "unknown_field",
        CLEAR,
        ("E0609",),
        lambda f: (
            _is_plain_field(f) and (f.similar_name or f.has_help("has a field of the same name"))
        ),
        "there is no field `{subject}`, and a similar one exists",
    ),
    Rule(
        "unknown_field",
        LIKELY,
        ("E0609",),
        lambda f: _is_plain_field(f) and not f.similar_name and f.has_note("available field"),
        "there is no field `{subject}`; rustc lists those that exist",
    ),
    Rule(
        "missing_field",
        CERTAIN,
        ("E0063",),
        always,
        "the field `{subject}` is not given",
    ),
)

GENERIC_RULES = (
    Rule(
        "wrong_arg_count",
        CERTAIN,
        ("E0061", "E0057"),
        always,
        "a function is called with the wrong number of arguments",
    ),
    Rule(
        "wrong_generic_count",
        CERTAIN,
        ("E0107",),
        lambda f: f.says("generic argument") or f.says("missing generics for"),
        "a type has the wrong number of generic arguments",
    ),
    Rule(
        "type_annotations_needed",
        CERTAIN,
        ("E0282", "E0283", "E0284", "E0689"),
        always,
        "a type cannot be inferred",
    ),
)
