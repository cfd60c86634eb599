"""Rules for traits that a type lacks, and for implementations that do not fit their trait."""

from __future__ import annotations

from collections.abc import Callable

from sleepy_coder.router.facts import Facts
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule, always
from sleepy_coder.router.types import COLLECTIONS, RustType

_COMPARISONS = ("`<`", "`>`", "`<=`", "`>=`")
_NO_MEMBER = ("no method named `", "no function or associated item named `")


def _is_concrete(f: Facts) -> bool:
    return not f.is_about_type_parameter


def _lacks_derivable(*traits: str) -> Callable[[Facts], bool]:
    """Hold where a type of the program lacks one of the traits, and could derive it."""
    return lambda f: _is_concrete(f) and f.can_derive and f.lacks(*traits)


def _must_implement(*traits: str) -> Callable[[Facts], bool]:
    """Hold where a type of the program lacks one of the traits, and rustc proposes no derive."""
    return lambda f: (
        _is_concrete(f)
        and not f.can_derive
        and any(
            trait in traits and kind.head in f.view.local_types and not kind.refs
            for kind, trait in f.unmet
        )
    )


def _cannot_call(member: str, trait: str) -> Callable[[Facts], bool]:
    """Hold where a type has no such member because it lacks the trait that defines it."""
    return lambda f: (
        _is_concrete(f)
        and any(f.says(f"{start}{member}` found for") for start in _NO_MEMBER)
        and f.has_note("perhaps you need to implement", f"`{trait}`")
    )


def _may_be_displayed(f: Facts) -> bool:
    return not f.subject.startswith(("()", "{closure@"))


def _label_names_local_type(f: Facts) -> bool:
    """Whether rustc points at a declaration of the program as what lacks the trait."""
    return f.has_label("doesn't satisfy `")


def _may_lack_impl(f: Facts) -> bool:
    return f.has_note("an implementation of `") and f.has_note("might be missing for `")


def _compares_equal(f: Facts) -> bool:
    return f.says("binary operation `==`") or f.says("binary operation `!=`")


def _compares_order(f: Facts) -> bool:
    return f.says("binary operation") and any(f.says(op) for op in _COMPARISONS)


def _is_about_hashing(f: Facts) -> bool:
    hashed = ("HashMap", "HashSet", "hash_map", "hash_set")
    return any(name in text for name in hashed for text in (f.message, *f.notes, *f.labels))


def _is_arithmetic_of_two_types(f: Facts) -> bool:
    """Whether an arithmetic operator joins two types, one of them the program's own."""
    heads = {side.head for side in f.operands}
    is_own = not heads.isdisjoint(f.view.local_types)
    return len(heads) > 1 and is_own and not f.says("can't compare `")


def _clones_items_that_cannot(f: Facts) -> bool:
    """Whether `clone` in an iterator chain yields references, as a type of the program lacks it."""
    note = "which doesn't implement `Clone`"
    return any(
        f.has_label("is cloning the reference", f"not `{name}` {note}")
        for name in f.view.local_types
    )


def _clones_the_reference(f: Facts) -> bool:
    return f.has_note("does not implement `Clone`", "was cloned instead")


def _field_is_local(f: Facts) -> bool:
    """Whether the field that is not Copy has a type of the program's own."""
    spans = (s for s in f.error.spans if s.label == "this field does not implement `Copy`")
    names = [f.view.text(s).rpartition(":")[2].strip() for s in spans]
    return bool(names) and all(name in f.view.local_types for name in names)


def _calls_iterator_method_on_collection(f: Facts) -> bool:
    """Whether `.iter()` was forgotten between a collection and an iterator's method."""
    kind, trait = f.unmet[0] if f.unmet else (RustType(), "")
    is_collection = kind.head in COLLECTIONS or kind.head.startswith("[")
    is_said = f.has_label("is not an iterator") and f.has_help("call `.", "iter()` first")
    return is_said or (trait == "Iterator" and is_collection and not kind.refs)


DERIVE_RULES = (
    Rule(
        "missing_debug",
        CERTAIN,
        ("E0277", "E0599"),
        _lacks_derivable("Debug"),
        "a type is printed for debugging and lacks Debug",
    ),
    Rule(
        "missing_display",
        CERTAIN,
        ("E0277",),
        lambda f: _is_concrete(f) and f.lacks("Display") and _may_be_displayed(f),
        "`{subject}` is printed with `{{}}` and lacks Display",
    ),
    Rule(
        "missing_display",
        CLEAR,
        ("E0599",),
        lambda f: _is_concrete(f) and f.lacks("Display") and _label_names_local_type(f),
        "`{subject}` is called on a type that lacks Display",
    ),
    Rule(
        "missing_clone",
        CERTAIN,
        ("E0277", "E0599"),
        lambda f: _lacks_derivable("Clone")(f) and not f.lacks("Copy"),
        "a type is cloned and lacks Clone",
    ),
    Rule(
        "missing_clone",
        CERTAIN,
        ("E0599",),
        _cannot_call("clone", "Clone"),
        "`clone` is called on a type that lacks Clone",
    ),
    Rule(
        "missing_clone",
        CLEAR,
        ("E0308", "E0277"),
        lambda f: (
            (_clones_the_reference(f) and f.has_help("#[derive(Clone)]"))
            or _clones_items_that_cannot(f)
        ),
        "`clone` copies the reference, since the type behind it lacks Clone",
    ),
    Rule(
        "missing_copy",
        CERTAIN,
        ("E0277", "E0599"),
        _lacks_derivable("Copy"),
        "a type is copied and lacks Copy",
    ),
    Rule(
        "missing_copy",
        CLEAR,
        ("E0204",),
        _field_is_local,
        "Copy is derived over a field whose type lacks it",
    ),
    Rule(
        "missing_hash",
        CERTAIN,
        ("E0277", "E0599"),
        _lacks_derivable("Hash"),
        "a type is hashed and lacks Hash",
    ),
    Rule(
        "missing_hash",
        CLEAR,
        ("E0277", "E0599"),
        lambda f: _lacks_derivable("Eq")(f) and _is_about_hashing(f),
        "a key of a hash map or set lacks Eq",
    ),
    Rule(
        "missing_hash",
        LIKELY,
        ("E0277", "E0599"),
        lambda f: _must_implement("Eq", "Hash")(f) and _is_about_hashing(f),
        "a key of a hash map or set lacks Eq or Hash and cannot derive it",
    ),
    Rule(
        "missing_ord",
        CERTAIN,
        ("E0277", "E0599"),
        _lacks_derivable("Ord"),
        "values are put in order and their type lacks Ord",
    ),
    Rule(
        "missing_ord",
        CLEAR,
        ("E0277", "E0599"),
        _must_implement("Ord"),
        "values are put in order and their type lacks Ord, which it cannot derive",
    ),
    Rule(
        "missing_ord",
        CLEAR,
        ("E0277",),
        lambda f: _lacks_derivable("Eq")(f) and f.has_note("required by a bound in `Ord`"),
        "Ord is implemented for a type that lacks Eq",
    ),
    Rule(
        "missing_ord",
        CLEAR,
        ("E0369",),
        lambda f: _is_concrete(f) and f.can_derive and _compares_order(f),
        "values are compared and their type lacks PartialOrd",
    ),
    Rule(
        "missing_ord",
        LIKELY,
        ("E0599",),
        lambda f: (
            f.has_label("`cmp` not found")
            and f.has_note("perhaps you need to implement", "candidate #2: `Ord`")
        ),
        "`cmp` is called on a type that lacks Ord",
    ),
    Rule(
        "missing_partial_eq",
        CERTAIN,
        ("E0369",),
        lambda f: _is_concrete(f) and f.can_derive and _compares_equal(f),
        "values are compared with `==` or `!=` and their type lacks PartialEq",
    ),
    Rule(
        "missing_partial_eq",
        CLEAR,
        ("E0277",),
        lambda f: f.says("can't compare `") and f.has_help("#[derive(PartialEq)]"),
        "a type is compared and lacks PartialEq",
    ),
    Rule(
        "missing_partial_eq",
        CLEAR,
        ("E0599",),
        lambda f: (
            _lacks_derivable("PartialEq")(f) and {trait for _, trait in f.unmet} == {"PartialEq"}
        ),
        "`{subject}` compares values and their type lacks PartialEq",
    ),
    Rule(
        "missing_default",
        CERTAIN,
        ("E0277", "E0599"),
        _lacks_derivable("Default"),
        "a default value is wanted from a type that lacks Default",
    ),
    Rule(
        "missing_default",
        CLEAR,
        ("E0277", "E0599"),
        _must_implement("Default"),
        "a default value is wanted from a type that lacks Default and cannot simply derive it",
    ),
    Rule(
        "missing_default",
        CERTAIN,
        ("E0599",),
        _cannot_call("default", "Default"),
        "`default` is called on a type that lacks Default",
    ),
)

IMPL_RULES = (
    Rule(
        "missing_trait_method",
        CERTAIN,
        ("E0046",),
        always,
        "an implementation lacks `{subject}`",
    ),
    Rule(
        "wrong_trait_signature",
        CERTAIN,
        ("E0050", "E0053"),
        always,
        "`{subject}` has another signature than in its trait",
    ),
    Rule(
        "wrong_trait_signature",
        CLEAR,
        ("E0185", "E0186"),
        always,
        "`{subject}` takes `self` where its trait does not, or the other way round",
    ),
    Rule(
        "wrong_trait_signature",
        CLEAR,
        (None, "E0049", "E0195", "E0276"),
        lambda f: f.code is not None or f.says("signature doesn't match `trait` item"),
        "a method has other parameters or bounds than in its trait",
    ),
    Rule(
        "missing_generic_bound",
        CERTAIN,
        ("E0277", "E0369", "E0599", "E0368"),
        lambda f: f.is_about_type_parameter,
        "a type parameter lacks a bound",
    ),
    Rule(
        "missing_generic_bound",
        CLEAR,
        ("E0308",),
        lambda f: _clones_the_reference(f) and f.is_about_type_parameter,
        "`clone` copies the reference, since the type parameter lacks Clone",
    ),
    Rule(
        "binop_missing_impl",
        CERTAIN,
        ("E0369", "E0368", "E0600"),
        lambda f: (
            _is_concrete(f)
            and _may_lack_impl(f)
            and not _compares_equal(f)
            and not _compares_order(f)
        ),
        "an operator is used on a type that does not implement it",
    ),
    Rule(
        "binop_missing_impl",
        CLEAR,
        ("E0277",),
        lambda f: _is_concrete(f) and _is_arithmetic_of_two_types(f),
        "an operator is used that a type of the program does not implement for the other side",
    ),
    Rule(
        "missing_iterator_bound",
        CERTAIN,
        ("E0277",),
        lambda f: _is_concrete(f) and f.says("is not an iterator"),
        "`{subject}` is looped over and is no iterator",
    ),
    Rule(
        "missing_iterator_bound",
        CLEAR,
        ("E0599",),
        _calls_iterator_method_on_collection,
        "an iterator's method is called on `{subject}`, which is no iterator",
    ),
    Rule(
        "not_send",
        CERTAIN,
        ("E0277",),
        lambda f: _is_concrete(f) and f.says("between threads safely"),
        "`{subject}` goes to another thread and must not",
    ),
)
