"""A diagnostic in the few lines that a small model needs.

rustc's own rendering shows places by margins, arrows and columns. Here each place is a line of the
program, quoted as it stands, with the words at fault; and a suggestion is the line as rustc would
have it, so that nobody needs to count lines or to guess where a `&` belongs.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sleepy_coder.diagnostics import ELSEWHERE, Diagnostic, Span, alternatives_of

# Notes on where rustc wrote a long type's name: the file is gone, and called otherwise each time.
_NO_NEWS = ("the full name for the type has been written to", "consider using `--verbose` to print")
_LONGEST_LINE = 160  # characters that are quoted of a line
_MOST_ALTERNATIVES = 4  # of one help
_LONGEST_PIECE = 60  # characters; more than that is a statement, which its line shows


def render_compact(diagnostic: Diagnostic) -> str:
    """Return a diagnostic as text: code and message, places, notes and helps.

    A place is `line N` with that line in backticks, the underlined piece and rustc's label; one in
    another file of the project begins with its name, one in a library is left out. Below a help
    stand the lines that it changes: `+` as they would be, `-` those that go, others as they are,
    `…` for what lies between.
    """
    head = f"error[{diagnostic.code}]" if diagnostic.code else diagnostic.level
    lines = [f"{head}: {diagnostic.message}"]
    spans = sorted(diagnostic.spans, key=lambda s: (not s.is_primary, s.byte_start))
    names = [s.file_name for s in spans]
    file_name = next((n for n in names if not n.startswith(ELSEWHERE)), names[0] if names else "")
    places = _Places(file_name)
    lines += places.render(s for s in spans if places.is_ours(s))
    for child in diagnostic.children:
        if child.message.startswith(_NO_NEWS):
            continue
        first, *others = (line.strip() for line in child.message.split("\n"))
        lines += [f"  {child.level}: {first}", *(f"    {line}" for line in others if line)]
        edits = child.edits
        if not edits:
            shown = [s for s in child.spans if s.text and (s.is_primary or s.label)]
            lines += [f"  {line}" for line in places.render(filter(places.is_ours, shown))]
        elif not all(_is_told(edit, child.message) for edit in edits):
            lines += [f"    {line}" for line in _render_suggestion(edits, file_name)]
    return "\n".join(lines)


class _Places:
    """Names places; quotes each line once."""

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._quoted: set[tuple[str, int]] = set()

    def is_ours(self, span: Span) -> bool:
        """Whether a span lies in the file that the error is in, or another one of the project."""
        return span.file_name == self._file_name or not span.file_name.startswith(ELSEWHERE)

    def render(self, spans: Iterable[Span]) -> Iterator[str]:
        """Yield a line of text for each span."""
        for span in spans:
            place = f"  line {span.line_start}"
            if span.file_name != self._file_name:
                place = f"  {span.file_name} line {span.line_start}"
            line = span.text[0].strip() if span.text else ""
            if line and (key := (span.file_name, span.line_start)) not in self._quoted:
                self._quoted.add(key)
                place += f" `{_shortened(line)}`"
            piece = _piece_of(span)
            if piece and piece != line.rstrip(" ,;{"):
                place += f" at `{piece}`"
            yield f"{place}: {span.label}" if span.label else place


def _is_told(edit: Span, message: str) -> bool:
    """Whether a help's message ends with all that it would put in."""
    return message.endswith(f": `{(edit.suggested_replacement or '').strip()}`")


def _piece_of(span: Span) -> str:
    """Return the underlined text, when it is short and on one line."""
    if span.line_start != span.line_end or not span.text:
        return ""
    piece = span.text[0][span.column_start - 1 : span.column_end - 1].strip()
    return piece if len(piece) <= _LONGEST_PIECE else ""


def _render_suggestion(edits: Sequence[Span], file_name: str) -> Iterator[str]:
    """Yield the lines that a help changes, as they would be; alternatives one after another."""
    for number, chosen in enumerate(islice(alternatives_of(edits), _MOST_ALTERNATIVES)):
        if number:
            yield "or"
        for other in dict.fromkeys(edit.file_name for edit in chosen):
            if file_name not in {"", other}:
                yield f"{other}:"
            yield from _render_edits([edit for edit in chosen if edit.file_name == other])


def _render_edits(edits: Sequence[Span]) -> Iterator[str]:
    """Yield the lines of one file that edits change; `…` stands for lines between them."""
    before = _lines_of(edits)
    after = _edited(before, edits)
    shown: list[str] = []
    for run in _runs(sorted(before)):
        if shown:
            shown.append("  …")
        new = [line for n in run if n in after for line in after[n].split("\n")]
        shown += _difference([before[n] for n in run], new)
    texts = textwrap.dedent("\n".join(line[2:] for line in shown if line != "  …")).split("\n")
    rest = iter(texts)
    for line in shown:
        yield line if line == "  …" else line[:2] + _shortened(next(rest))


def _lines_of(spans: Iterable[Span]) -> dict[int, str]:
    """Return the lines under some spans by their numbers; rustc may leave out empty ones."""
    return {
        span.line_start + n: line for span in spans for n, line in enumerate(span.text or ("",))
    }


def _edited(lines: dict[int, str], edits: Iterable[Span]) -> dict[int, str]:
    """Return the lines after the edits, the last of them made first so that columns hold."""
    found = dict(lines)
    for edit in sorted(edits, key=_place)[::-1]:
        if edit.line_start not in found or edit.line_end not in found:
            continue
        head = found[edit.line_start][: max(0, edit.column_start - 1)]
        tail = found[edit.line_end][max(0, edit.column_end - 1) :]
        for gone in range(edit.line_start + 1, edit.line_end + 1):
            found.pop(gone, None)
        found[edit.line_start] = head + (edit.suggested_replacement or "") + tail
    return found


def _place(edit: Span) -> tuple[int, int, int, int]:
    return edit.line_start, edit.column_start, edit.line_end, edit.column_end


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Yield ascending numbers in runs without a gap."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _difference(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield what is new, what stays, and what goes where nothing new takes its place."""
    for tag, i, j, m, n in difflib.SequenceMatcher(None, before, after).get_opcodes():
        new = [line for line in after[m:n] if line.strip()]
        if tag == "equal":
            yield from (f"  {line}" for line in new)
        elif new:
            yield from (f"+ {line}" for line in new)
        else:
            yield from (f"- {line}" for line in before[i:j] if line.strip())


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"
