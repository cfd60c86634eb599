"""Mend a program with the compiler's own suggestions, as `cargo fix` would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleepy_coder.diagnostics import apply_suggestions, parse_diagnostics, select_errors
from sleepy_coder.judge import compile_source

if TYPE_CHECKING:
    from sleepy_coder.sandbox import Sandbox

# Rounds of compile-and-apply. Fixes that reveal further errors rarely chain deeper than this.
MAX_ROUNDS = 8


def apply_rustfix(
    source: str,
    *,
    crate_type: str,
    edition: str,
    sandbox: Sandbox,
    allow_maybe_incorrect: bool = False,
) -> str:
    """Return the source after rustc's own suggestions, applied until nothing changes.

    Stops when the program compiles, when no trusted suggestion is left, when a round brings back
    an earlier text, or after `MAX_ROUNDS`. The text with the fewest errors is returned, so
    a round that made things worse is backed out.
    """
    seen: list[tuple[int, str]] = []
    for _ in range(MAX_ROUNDS):
        compiled = compile_source(source, crate_type=crate_type, edition=edition, sandbox=sandbox)
        diagnostics = parse_diagnostics(compiled.diagnostics)
        errors = 0 if compiled.is_ok else max(1, len(select_errors(diagnostics)))
        seen.append((errors, source))
        changed = apply_suggestions(
            source, diagnostics, allow_maybe_incorrect=allow_maybe_incorrect
        )
        if errors == 0 or any(changed == text for _, text in seen):
            break
        source = changed
    return min(seen, key=lambda entry: entry[0])[1]
