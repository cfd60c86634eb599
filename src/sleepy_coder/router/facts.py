"""What one error says, field by field: the questions that the rules ask. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from sleepy_coder.diagnostics import Diagnostic, Span
from sleepy_coder.router.types import RustType, parse_type
from sleepy_coder.router.view import SourceView

# Methods whose closures are handed references to the items, or items that are references.
ITERATOR_METHODS = frozenset(
    "filter map any all position find find_map filter_map flat_map take_while skip_while "  # noqa: SIM905 - a table
    "map_while for_each fold partition inspect scan max_by_key min_by_key sort_by_key retain "
    "rposition count reduce".split()
)


class Facts:
    """One error of the compiler, with the program it was found in.

    Attributes:
        message: The error's own words.
        labels: The words under every underlined place, the primary one first.
        notes: The messages of its notes.
        helps: The messages of its helps.
    """

    def __init__(self, error: Diagnostic, view: SourceView) -> None:
        self.error = error
        self.view = view
        self.code = error.code
        self.message = error.message
        spans = sorted(error.spans, key=lambda s: not s.is_primary)
        self.labels = tuple(s.label for s in spans if s.label)
        self.notes = tuple(c.message for c in error.children if c.level == "note")
        self.helps = tuple(c.message for c in error.children if c.level == "help")

    @property
    def primary(self) -> Span:
        """The place that rustc underlines with `^`; an empty one where there is none."""
        return self.error.primary or Span("", 0, 0, 0, 0, 0, 0, is_primary=True)

    def says(self, *phrases: str) -> bool:
        """Whether the message contains every phrase."""
        return all(phrase in self.message for phrase in phrases)

    def has_label(self, *phrases: str) -> bool:
        """Whether one label contains every phrase."""
        return _one_has(self.labels, phrases)

    def has_note(self, *phrases: str) -> bool:
        """Whether one note contains every phrase."""
        return _one_has(self.notes, phrases)

    def has_help(self, *phrases: str) -> bool:
        """Whether one help contains every phrase."""
        return _one_has(self.helps, phrases)

    def suggests(self, text: str) -> bool:
        """Whether a help offers a replacement that contains this text."""
        return any(
            text in (span.suggested_replacement or "")
            for child in self.error.children
            for span in child.spans
        )

    @property
    def subject(self) -> str:
        """The first name in backticks of the message, or ''."""
        return next(iter(ticked(self.message)), "")

    @cached_property
    def mismatches(self) -> tuple[tuple[RustType, RustType], ...]:
        """Every pair of expected and found type that the labels name."""
        pairs = []
        for label in self.labels:
            left, found, right = label.partition(", found ")
            if found and left.startswith("expected "):
                pairs.append((_named_type(left.removeprefix("expected ")), _named_type(right)))
        return tuple(pairs)

    @property
    def expected(self) -> RustType:
        """The type that the place wants, where the error names exactly one."""
        return self.mismatches[0][0] if len(self.mismatches) == 1 else RustType()

    @property
    def found(self) -> RustType:
        """The type that the value has, where the error names exactly one."""
        return self.mismatches[0][1] if len(self.mismatches) == 1 else RustType()

    @cached_property
    def unmet(self) -> tuple[tuple[RustType, str], ...]:
        """Every (type, trait) of which rustc says that the one does not implement the other."""
        pairs = []
        names = ticked(self.message)
        if self.says("the trait bound `") and names:
            pairs.append(names[0].rpartition(": ")[::2])
        elif self.says("` doesn't implement `"):
            pairs.append((names[0], names[1]))
        for note in self.notes:
            if note.startswith("the following trait bounds were not satisfied"):
                pairs.extend(name.rpartition(": ")[::2] for name in ticked(note))
        return tuple((parse_type(kind), _trait_name(trait)) for kind, trait in pairs)

    def lacks(self, *traits: str) -> bool:
        """Whether a type fails to implement one of these traits."""
        return any(trait in traits for _, trait in self.unmet)

    @cached_property
    def operands(self) -> tuple[RustType, ...]:
        """The types on the two sides of an operator, left first; empty for another error."""
        for label in self.labels:
            words = label.removeprefix("no implementation for `").removesuffix("`")
            if words != label and "`" not in words:
                sides = next(
                    (words.split(f" {op} ") for op in _OPERATORS if f" {op} " in words), []
                )
                return tuple(parse_type(side) for side in sides)
        if self.code != "E0369":
            return ()
        plain = sorted((s for s in self.error.spans if not s.is_primary), key=_start)
        return tuple(parse_type(s.label) for s in plain if s.label)

    @property
    def is_about_type_parameter(self) -> bool:
        """Whether rustc proposes to bound a type parameter, or a type that comes with one."""
        proposals = (
            "restricting type parameter",
            "restrict type parameter",
            "restricting opaque type",
            "restricting the associated type",
        )
        return any(self.has_help(words) for words in proposals)

    @property
    def can_derive(self) -> bool:
        """Whether rustc proposes a derive, which it does for the program's own types only."""
        return self.has_help("consider annotating", "#[derive(") or self.has_note("add `#[derive(")

    @property
    def is_in_iterator_closure(self) -> bool:
        """Whether the error stands in a closure handed to an iterator's method."""
        return self.view.closure_callee(self.primary) in ITERATOR_METHODS

    @property
    def similar_name(self) -> bool:
        """Whether rustc knows a name that is nearly the one it could not find."""
        return self.has_help("similar name exists") or self.has_help("with a similar name")


def split_arguments(error: Diagnostic) -> list[Diagnostic]:
    """Return an error for each wrong argument of a call, where rustc reports several in one.

    Arguments that are only in the wrong order stay one error: it is not their types that are wrong.
    """
    if not error.message.startswith("arguments to this "):
        return [error]
    if any("these arguments" in child.message for child in error.children):
        return [error]
    labelled = [s for s in error.spans if s.label]
    noted = [
        replace(span, label=child.message)
        for child in error.children
        if child.message.startswith("expected `")
        for span in child.spans
    ]
    return [
        replace(
            error,
            message="mismatched types",
            spans=(replace(argument, is_primary=True),),
            children=tuple(
                child
                for child in error.children
                if any(_touch(span, argument) for span in child.spans)
            ),
        )
        for argument in sorted(labelled + noted, key=_start)
    ] or [error]


def _touch(one: Span, other: Span) -> bool:
    return (
        one.file_name == other.file_name
        and one.byte_start <= other.byte_end
        and other.byte_start <= one.byte_end
    )


# Longest first, so that `<<` is not read as `<`.
_OPERATORS = (
    "<<=", ">>=", "==", "!=", "<=", ">=", "<<", ">>", "+=", "-=", "*=", "/=", "%=",
    "+", "-", "*", "/", "%", "<", ">", "&", "|", "^",
)  # fmt: skip


def ticked(text: str) -> list[str]:
    """Return what stands in backticks, in order."""
    return text.split("`")[1::2]


def _one_has(texts: tuple[str, ...], phrases: tuple[str, ...]) -> bool:
    return any(all(phrase in text for phrase in phrases) for text in texts)


def _named_type(words: str) -> RustType:
    names = ticked(words)
    return parse_type(names[0] if names else words)


def _trait_name(text: str) -> str:
    return text.partition("<")[0].rsplit("::", 1)[-1].strip()


def _start(span: Span) -> int:
    return span.byte_start
