"""Rules for borrows, moves and lifetimes."""

from __future__ import annotations

from sleepy_coder.router.facts import Facts, ticked
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule, always
from sleepy_coder.router.types import parse_type


def _is_behind_shared_ref(f: Facts) -> bool:
    return f.says("behind a `&` reference")


def _is_in_fn_closure(f: Facts) -> bool:
    return f.says("captured variable in a") and f.says("closure")


def _is_not_declared_mut(f: Facts) -> bool:
    return f.says("not declared as mutable")


def _lacks_lock(f: Facts) -> bool:
    """Whether a Mutex or RwLock, perhaps in an Arc, is used as if it were the value in it."""
    kind = parse_type(next(reversed(ticked(f.message)), ""))
    held = kind.inner if kind.head == "Arc" else kind
    is_used = f.says("cannot be applied to type") or f.says("no method named `")
    return is_used and held.head in ("Mutex", "RwLock")


def _is_closure_call(f: Facts) -> bool:
    """Whether the binding that lacks `mut` is a closure: it is called, or rustc says so."""
    return _is_not_declared_mut(f) and (
        f.has_label("requires mutable binding due to")
        or any(f.view.is_called(span) for span in f.error.spans)
    )


def _is_thread(f: Facts) -> bool:
    return f.view.closure_callee(f.primary) == "spawn"


def _moves_a_closure(f: Facts) -> bool:
    return f.has_label("value moved into closure here")


def _moves_by_into_iter(f: Facts) -> bool:
    return f.has_label("implicit call to `.into_iter()`") or (
        f.has_label("moved due to this method call") and f.has_note("`into_iter` takes ownership")
    )


def _moves_partially(f: Facts) -> bool:
    return f.says("partially moved")


def _moves_in_loop(f: Facts) -> bool:
    return f.has_label("in previous iteration of loop")


def _moves_generic(f: Facts) -> bool:
    """Whether what is moved has the type of a type parameter."""
    return f.has_help("type parameter", "`Copy`") or any(
        f.has_label("move occurs because", f"has type `{name}`") for name in f.view.type_parameters
    )


def _moves_mutable_reference(f: Facts) -> bool:
    return f.has_label("has type `&mut ") or f.has_label("has type `&'", " mut ")


def _moves_plainly(f: Facts) -> bool:
    others = (
        _moves_a_closure,
        _moves_by_into_iter,
        _moves_partially,
        _moves_in_loop,
        _moves_generic,
        _moves_mutable_reference,
    )
    return f.has_label("move occurs because") and not any(other(f) for other in others)


def _returns_reference(f: Facts) -> bool:
    return f.has_help("this function's return type contains a borrowed value")


BORROW_RULES = (
    Rule(
        "mut_borrow_conflict",
        CERTAIN,
        ("E0502",),
        always,
        "`{subject}` is borrowed both mutably and immutably",
    ),
    Rule(
        "mut_borrow_conflict",
        LIKELY,
        ("E0500", "E0501"),
        always,
        "`{subject}` is borrowed, and a closure needs it for itself alone",
    ),
    Rule(
        "double_mut_borrow",
        CERTAIN,
        ("E0499", "E0524"),
        always,
        "`{subject}` is borrowed mutably twice",
    ),
    Rule(
        "return_local_ref",
        CERTAIN,
        ("E0515",),
        lambda f: f.says("local variable") or f.says("temporary value"),
        "a reference to something local is returned",
    ),
    Rule(
        "closure_needs_mut",
        CLEAR,
        ("E0596",),
        _is_closure_call,
        "`{subject}` is a closure that changes its captures and is not `mut`",
    ),
    Rule(
        "missing_mut",
        CERTAIN,
        ("E0596", "E0594"),
        lambda f: _is_not_declared_mut(f) and f.view.has_source and not _is_closure_call(f),
        "`{subject}` is changed and not declared `mut`",
    ),
    Rule(
        "immutable_ref_param",
        CERTAIN,
        ("E0596",),
        _is_behind_shared_ref,
        "`{subject}` is mutated through a `&` reference",
    ),
    Rule(
        "assign_through_ref",
        CERTAIN,
        ("E0594",),
        _is_behind_shared_ref,
        "`{subject}` is assigned through a `&` reference",
    ),
    Rule(
        "mutex_needed",
        CERTAIN,
        ("E0594", "E0596"),
        lambda f: f.says("data in an `Arc`"),
        "what an Arc holds is changed without a lock",
    ),
    Rule(
        "mutex_needed",
        LIKELY,
        ("E0368", "E0599"),
        _lacks_lock,
        "what a lock holds is used without locking it",
    ),
    Rule(
        "closure_type_bound",
        CLEAR,
        ("E0594", "E0596", "E0507"),
        _is_in_fn_closure,
        "a closure does to `{subject}` what its bound forbids",
    ),
    Rule(
        "closure_type_bound",
        CERTAIN,
        ("E0525",),
        always,
        "a closure does more with its captures than its bound permits",
    ),
    Rule(
        "assign_while_borrowed",
        CERTAIN,
        ("E0506",),
        always,
        "`{subject}` is assigned while it is borrowed",
    ),
    Rule(
        "assign_twice_immutable",
        CERTAIN,
        ("E0384",),
        always,
        "`{subject}` is assigned again and not declared `mut`",
    ),
    Rule(
        "temporary_dropped",
        CERTAIN,
        ("E0716",),
        always,
        "a temporary is dropped while something still points into it",
    ),
    Rule(
        "borrowed_too_short",
        CLEAR,
        ("E0597",),
        lambda f: not f.has_label("for `'static`"),
        "`{subject}` is dropped while a reference to it is still used",
    ),
    Rule(
        "thread_closure_move",
        CERTAIN,
        ("E0373",),
        _is_thread,
        "a thread's closure borrows a local variable",
    ),
    Rule(
        "closure_outlives_borrow",
        CERTAIN,
        ("E0373",),
        lambda f: f.says("closure may outlive") and f.view.has_source and not _is_thread(f),
        "a closure that leaves the function borrows a local variable",
    ),
)

MOVE_RULES = (
    Rule(
        "use_after_move",
        CLEAR,
        ("E0382",),
        _moves_plainly,
        "`{subject}` is used after it was moved",
    ),
    Rule(
        "use_after_partial_move",
        CERTAIN,
        ("E0382",),
        lambda f: _moves_partially(f) and not _moves_by_into_iter(f),
        "`{subject}` is used whole after a part of it was moved out",
    ),
    Rule(
        "closure_moved_value",
        CERTAIN,
        ("E0382",),
        lambda f: _moves_a_closure(f) and not _moves_partially(f),
        "`{subject}` is used after a closure took it",
    ),
    Rule(
        "move_into_iter",
        CERTAIN,
        ("E0382",),
        _moves_by_into_iter,
        "`{subject}` is used after it was consumed by iterating",
    ),
    Rule(
        "use_after_move_loop",
        CLEAR,
        ("E0382",),
        lambda f: (
            _moves_in_loop(f)
            and not _moves_a_closure(f)
            and not _moves_by_into_iter(f)
            and not _moves_mutable_reference(f)
        ),
        "`{subject}` is moved in every round of a loop",
    ),
    Rule(
        "missing_copy",
        LIKELY,
        ("E0382",),
        lambda f: (
            _moves_generic(f)
            and not _moves_a_closure(f)
            and not _moves_in_loop(f)
            and not f.has_note("closures can only be called once")
        ),
        "`{subject}` has a type parameter's type and is used twice: the parameter lacks Copy",
    ),
    Rule(
        "move_out_of_borrow",
        CLEAR,
        ("E0507",),
        lambda f: not f.says("index of") and not _is_in_fn_closure(f),
        "`{subject}` is only borrowed and is moved out of",
    ),
    Rule(
        "move_out_of_index",
        CERTAIN,
        ("E0507", "E0508"),
        lambda f: f.code == "E0508" or f.says("index of"),
        "an element of `{subject}` is moved out",
    ),
)

LIFETIME_RULES = (
    Rule(
        "missing_lifetime_fn",
        CERTAIN,
        ("E0106",),
        lambda f: _returns_reference(f) and not f.has_help("there is no value for it"),
        "the signature does not say which argument is returned",
    ),
    Rule(
        "missing_lifetime_fn",
        LIKELY,
        ("E0106",),
        lambda f: _returns_reference(f) and f.has_help("there is no value for it"),
        "the function returns a reference and has no argument to borrow from",
    ),
    Rule(
        "missing_lifetime_struct",
        CERTAIN,
        ("E0106",),
        lambda f: not _returns_reference(f) and f.view.is_in_type(f.primary),
        "a field is a reference without a lifetime",
    ),
    Rule(
        "missing_lifetime_struct",
        LIKELY,
        ("E0726",),
        lambda f: f.view.text(f.primary) in f.view.local_types,
        "an `impl` does not name the lifetime of its type",
    ),
    Rule(
        "lifetime_too_short_return",
        CLEAR,
        (None, "E0621"),
        lambda f: (
            f.says("lifetime may not live long enough") or f.says("explicit lifetime required")
        ),
        "a reference goes where its lifetime is not known to be long enough",
    ),
    Rule(
        "lifetime_too_short_return",
        CLEAR,
        ("E0700",),
        always,
        "what is returned holds a reference, and its type does not name the lifetime",
    ),
    Rule(
        "undeclared_lifetime",
        CERTAIN,
        ("E0261",),
        always,
        "`{subject}` is used and not declared",
    ),
    Rule(
        "static_bound_required",
        CERTAIN,
        ("E0310",),
        always,
        "`{subject}` is kept for good and lacks `'static`",
    ),
)
