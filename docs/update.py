"""Regenerate what the documentation quotes: tables from `results/`, the command reference.

A block between `<!-- NAME -->` and `<!-- /NAME -->` in a Markdown file is replaced by the text
that `BLOCKS[NAME]` returns, by a function of `blocks/`. `make docs` runs this; a test fails when a
file is not up to date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from blocks import core, fix, paper, share, speed, stores, studies, tried
from sleepy_coder.cli import main

ROOT = Path(__file__).resolve().parent.parent

BLOCKS: dict[str, Callable[[], str]] = {
    # blocks/core.py
    "frozen-1.5b": lambda: core.render_frozen("1.5b"),
    "frozen-0.5b": lambda: core.render_frozen("0.5b"),
    "core-1.5b": lambda: core.render_core("1.5b"),
    "core-0.5b": lambda: core.render_core("0.5b"),
    "transcript": core.render_transcript,
    "demo-time": core.render_demo_time,
    "rendering": core.render_rendering,
    "renderings": core.render_renderings,
    "made-on": core.render_made_on,
    "router": core.render_router,
    # blocks/stores.py
    "general": lambda: stores.render_general(
        "routing", "heldout", ("base", "base-again", "hints-second", "general", "routed")
    ),
    "general-transfer": lambda: stores.render_general(
        "transfer", "transfer", ("base", "base-again", "general", "routed-shipped", "cascade")
    ),
    "learned-1.5b": lambda: stores.render_learned("1.5b-instruct"),
    "learned-0.5b": lambda: stores.render_learned("0.5b-instruct"),
    "transfer": lambda: stores.render_comparison("transfer", "transfer"),
    "transfer-0.5b": lambda: stores.render_comparison("transfer-0.5b", "transfer"),
    "one-adapter": stores.render_one_adapter,
    "joint-courses": stores.render_joint_courses,
    "heldout-shapes": stores.render_heldout_shapes,
    "doubts": stores.render_doubts,
    "heldout-before": lambda: stores.render_comparison("routing-before", "heldout"),
    "transfer-patterns": lambda: stores.render_patterns("transfer", "transfer", "routed-shipped"),
    "heldout": lambda: stores.render_comparison("routing", "heldout"),
    "heldout-0.5b": lambda: stores.render_comparison("routing-0.5b", "heldout"),
    "frozen-gpu": lambda: stores.render_comparison("routing", "frozen"),
    "frozen-gpu-0.5b": lambda: stores.render_comparison("routing-0.5b", "frozen"),
    "seeds": stores.render_seeds,
    # blocks/tried.py
    "end-weight": tried.render_end_weight,
    "written": tried.render_written,
    "first-look": tried.render_first_look,
    "edits-losses": tried.render_edits_losses,
    "edits-solved": tried.render_edits_solved,
    "forms": tried.render_forms,
    "gate-rules": tried.render_gate_rules,
    "recipes": tried.render_recipes,
    "refusals": tried.render_refusals,
    "rerank": tried.render_rerank,
    # blocks/studies.py
    "coefficients": studies.render_coefficients,
    "sources": studies.render_sources,
    "fits": studies.render_fits,
    "sequential": studies.render_sequential,
    "sequential-constant": lambda: studies.render_sequential("constant"),
    "ablation": lambda: studies.render_ablation("k", "p", "pairs", "modules"),
    "angles": studies.render_angles,
    "explained": studies.render_explained,
    "left-out": studies.render_left_out,
    # blocks/fix.py
    "fix": fix.render_fix,
    "fix-0.5b": lambda: fix.render_fix("fix-0.5b"),
    "short-programs": fix.render_short_programs,
    "error-codes": fix.render_error_codes,
    "error-codes-in-short": fix.render_error_codes_in_short,
    # blocks/share.py
    "share-init": lambda: share.render_share_init("full"),
    "share-init-attn": lambda: share.render_share_init("attn"),
    "share-speeds": share.render_share_speeds,
    "share-streaming": share.render_share_streaming,
    "share-speeds-intel": lambda: share.render_share_speeds("share_init_intel.json"),
    "share-product": share.render_share_product,
    # blocks/speed.py
    "train-cpu": speed.render_train_cpu,
    "train-gpu": speed.render_train_gpu,
    "serve": speed.render_serve,
    "stall": speed.render_stall,
    # blocks/paper.py
    "paper-numbers": paper.render_paper_numbers,
}


def fill_blocks(text: str) -> str:
    """Return Markdown with every known block's content made anew."""

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- {name} -->\n{BLOCKS[name]()}\n<!-- /{name} -->"

    names = "|".join(map(re.escape, BLOCKS))
    return re.sub(
        rf"<!-- (?P<name>{names}) -->\n.*?<!-- /(?P=name) -->", fill, text, flags=re.DOTALL
    )


def render_reference() -> str:
    """Return the command reference: the help text of every command."""
    pages = "\n\n".join(
        f"## {path}\n\n```text\n{text}\n```" for path, text in _walk(main, "sleepy")
    )
    return f"# Command reference\n\nMade from the program by `make docs`.\n\n{pages}\n"


def _walk(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    # As a user's call makes it: commands take the names of the help option from their parents.
    settings = {} if parent else command.context_settings
    context = click.Context(
        command, parent, name, max_content_width=88, terminal_width=88, **settings
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child is not None:
                yield from _walk(child, child_name, context)


def render_all() -> dict[Path, str]:
    """Return path -> text as it should be, for every file that quotes something."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    fresh = {page: fill_blocks(page.read_text()) for page in pages}
    fresh[ROOT / "docs" / "cli.md"] = render_reference()
    return fresh


if __name__ == "__main__":
    for page, text in render_all().items():
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
            sys.stdout.write(f"updated {page.relative_to(ROOT)}\n")
