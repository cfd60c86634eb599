"""rustc's JSON diagnostics: parse them leniently, apply their suggestions.

Everything here is pure. Byte offsets are offsets into the UTF-8 encoding of the source, as rustc
counts them; columns are 1-based and count characters. Only `level`, `message` and the spans'
offsets are relied on: any other field may be null, missing or of a kind unknown today.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# rustc's own words for how far a suggestion can be trusted, safest first.
MACHINE_APPLICABLE = "MachineApplicable"
MAYBE_INCORRECT = "MaybeIncorrect"

# Of an error, not of a lint.
ERROR_CODE = re.compile(r"E\d{4}")


# How the names of a library's files begin, and of what macros made up.
ELSEWHERE = ("/", "<")


@dataclass(frozen=True)
class Span:
    """A stretch of one source file that a diagnostic points at.

    Attributes:
        byte_start: First byte, 0-based, in the UTF-8 source.
        byte_end: One past the last byte.
        line_start: First line, 1-based.
        label: rustc's words under the underline, or None.
        suggested_replacement: Text that rustc proposes for these bytes, or None.
        suggestion_applicability: How far rustc trusts that text, or None.
        is_expansion: The span lies in a macro's body rather than in code the user wrote there.
    """

    file_name: str
    byte_start: int
    byte_end: int
    line_start: int
    line_end: int
    column_start: int
    column_end: int
    is_primary: bool
    label: str | None = None
    suggested_replacement: str | None = None
    suggestion_applicability: str | None = None
    text: tuple[str, ...] = ()
    is_expansion: bool = False


@dataclass(frozen=True)
class Diagnostic:
    """One message of the compiler, with the notes and suggestions that hang below it."""

    level: str
    code: str | None
    message: str
    spans: tuple[Span, ...] = ()
    children: tuple[Diagnostic, ...] = ()
    rendered: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether this message alone makes compilation fail."""
        return self.level.startswith("error")

    @property
    def error_code(self) -> str | None:
        """The error's code, such as E0308; None for a lint, or without one."""
        return self.code if ERROR_CODE.fullmatch(self.code or "") else None

    @property
    def edits(self) -> list[Span]:
        """The spans that say what rustc would put there; of a help, what it suggests."""
        return [span for span in self.spans if span.suggested_replacement is not None]

    @property
    def primary(self) -> Span | None:
        """The span that rustc underlines with `^`, or the first one, or None."""
        return next((s for s in self.spans if s.is_primary), next(iter(self.spans), None))


def parse_diagnostic(raw: Mapping[str, Any]) -> Diagnostic:
    """Return the diagnostic in one JSON object of rustc, or of cargo's `compiler-message`.

    Missing and null fields become empty; unknown levels and fields are kept or ignored, never
    an error, because the format grows with every release.
    """
    inner = raw.get("message")
    body = inner if isinstance(inner, Mapping) else raw
    code = body.get("code")
    return Diagnostic(
        level=_text(body.get("level")) or "unknown",
        code=_text(code.get("code") if isinstance(code, Mapping) else code),
        message=_text(body.get("message")) or "",
        spans=tuple(_parse_span(s) for s in _mappings(body.get("spans"))),
        children=tuple(parse_diagnostic(c) for c in _mappings(body.get("children"))),
        rendered=_text(body.get("rendered")),
    )


def parse_diagnostics(raws: Iterable[Mapping[str, Any]]) -> list[Diagnostic]:
    """Return the diagnostics of several JSON objects, in their order."""
    return [parse_diagnostic(raw) for raw in raws]


def parse_stream(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects of diagnostics in rustc's or cargo's output, other lines left out."""
    return [message for _, message in parse_cargo(text).messages]


@dataclass(frozen=True)
class CargoOutput:
    """What cargo said.

    Attributes:
        messages: Each with the target that it is about; rustc alone names none.
        targets: All that rustc was run on, this time or before.
    """

    messages: list[tuple[str, dict[str, Any]]]
    targets: frozenset[str]


def parse_cargo(text: str) -> CargoOutput:
    """Return the JSON objects in cargo's output, other lines left out."""
    messages: list[tuple[str, dict[str, Any]]] = []
    compiled = []
    for line in text.split("\n"):  # JSON strings may hold other ends of lines as they are
        if not line.lstrip().startswith("{"):
            continue
        try:
            raw = json.loads(line)
        except ValueError:
            continue
        if not isinstance(raw, dict):
            continue
        if raw.get("reason") == "compiler-message" and isinstance(raw.get("message"), dict):
            messages.append((_name_of_target(raw), raw["message"]))
        elif raw.get("reason") == "compiler-artifact":
            compiled.append(_name_of_target(raw))
        elif "level" in raw and "message" in raw:
            messages.append(("", raw))
    return CargoOutput(messages, frozenset([*compiled, *(target for target, _ in messages)]))


def _name_of_target(raw: Mapping[str, Any]) -> str:
    """Return what tells the targets of all packages apart."""
    target = raw.get("target")
    known = target if isinstance(target, Mapping) else {}
    return f"{raw.get('package_id')} {known.get('kind')} {known.get('name')}"


def select_errors(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the errors, without rustc's closing summary ("aborting due to …")."""
    return [d for d in diagnostics if d.is_error and (d.code is not None or d.spans)]


def apply_suggestions(
    source: str, diagnostics: Sequence[Diagnostic], *, allow_maybe_incorrect: bool = False
) -> str:
    """Return the source after one round of rustc's own suggestions.

    Each help is applied whole or not at all; a help that overlaps an earlier one is left for the
    next round, once the compiler has looked again. Only suggestions for the file of the first
    error's primary span, outside macro bodies, are considered.

    Args:
        source: The program, exactly as the compiler read it.
        diagnostics: What the compiler said of it.
        allow_maybe_incorrect: Apply `MaybeIncorrect` suggestions too. Of several alternatives for
            one error the first is taken.

    Returns:
        The new source; the same string when nothing could be applied.
    """
    trusted = {MACHINE_APPLICABLE, *([MAYBE_INCORRECT] if allow_maybe_incorrect else [])}
    data = source.encode()
    taken: list[Span] = []
    for error in select_errors(diagnostics):
        for edits in _suggested_edits(error, trusted):
            fits = all(0 <= e.byte_start <= e.byte_end <= len(data) for e in edits)
            if fits and not _overlaps(edits, taken):
                taken.extend(edits)
                break
    for edit in sorted(taken, key=lambda e: (e.byte_start, e.byte_end), reverse=True):
        text = edit.suggested_replacement or ""
        end = data.find(b"\n", edit.byte_start)
        ends_in_cr = data[: end if end >= 0 else data.rfind(b"\n")].endswith(b"\r")
        replacement = (text.replace("\n", "\r\n") if ends_in_cr else text).encode()
        data = data[: edit.byte_start] + replacement + data[edit.byte_end :]
    try:
        return data.decode()
    except UnicodeDecodeError:  # offsets that were not of this source
        return source


def _suggested_edits(error: Diagnostic, trusted: set[str]) -> Iterator[Sequence[Span]]:
    """Yield the alternatives for one error: the edits of each help that is trusted as a whole."""
    for child in error.children:
        edits = child.edits
        is_trusted = all(
            e.suggestion_applicability in trusted and not e.is_expansion for e in edits
        )
        if not edits or not is_trusted:
            continue
        if len({e.file_name for e in edits}) == 1:
            yield from alternatives_of(edits)


def alternatives_of(edits: Sequence[Span]) -> Iterator[Sequence[Span]]:
    """Split a help's edits where it lists alternatives for one place; otherwise yield them all."""
    places = {(e.byte_start, e.byte_end) for e in edits}
    if len(places) == 1 and len(edits) > 1:
        yield from ([e] for e in edits)
    else:
        yield edits


def _overlaps(edits: Sequence[Span], taken: Sequence[Span]) -> bool:
    """Whether an edit touches bytes, or inserts at the place, of one that is already taken."""
    return any(
        (e.byte_start < t.byte_end and t.byte_start < e.byte_end)
        or (e.byte_start, e.byte_end) == (t.byte_start, t.byte_end)
        for e in edits
        for t in taken
    )


def _parse_span(raw: Mapping[str, Any]) -> Span:
    text = [_text(line.get("text")) or "" for line in _mappings(raw.get("text"))]
    return Span(
        file_name=_text(raw.get("file_name")) or "",
        byte_start=_count(raw.get("byte_start")),
        byte_end=_count(raw.get("byte_end")),
        line_start=_count(raw.get("line_start")),
        line_end=_count(raw.get("line_end")),
        column_start=_count(raw.get("column_start")),
        column_end=_count(raw.get("column_end")),
        is_primary=raw.get("is_primary") is True,
        label=_text(raw.get("label")),
        suggested_replacement=_text(raw.get("suggested_replacement")),
        suggestion_applicability=_text(raw.get("suggestion_applicability")),
        text=tuple(text),
        is_expansion=raw.get("expansion") is not None,
    )


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
