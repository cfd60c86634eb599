"""Rules for names, visibility, imports, arguments and inferred types."""

from __future__ import annotations

from sleepy_coder.router.facts import Facts
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule, always

_UNRESOLVED = ("E0405", "E0412", "E0422", "E0423", "E0425", "E0433", "E0531", "E0574")


def _can_import(f: Facts) -> bool:
    """Whether rustc proposes a `use` line for the name that it did not find."""
    return f.has_help("consider importing") and f.suggests("use ")


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
        _can_import,
        "`{subject}` exists in a library and is not imported",
    ),
    Rule(
        "unknown_name",
        CLEAR,
        _UNRESOLVED,
        lambda f: f.similar_name and not _can_import(f),
        "`{subject}` does not exist, and a similar name does",
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
            f.says("named `")
            and (f.similar_name or f.has_help("you might have meant to use"))
            and not f.has_help("is implemented but not in scope")
            and not f.has_note("perhaps you need to implement")
            and not f.is_about_type_parameter
            and not f.has_note("exists on the type")
        ),
        "there is no `{subject}`, and a similar name exists",
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
        ("E0560", "E0559"),
        always,
        "there is no field `{subject}`",
    ),
    Rule(
        "unknown_field",
        CLEAR,
        ("E0609", "E0026"),
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
        ("E0282", "E0283", "E0284"),
        always,
        "a type cannot be inferred",
    ),
)
