"""`sleepy experiment`: one command for each claim that has to be settled."""

from __future__ import annotations

import click


@click.group()
def experiment() -> None:
    """Settle a claim: run what it compares, write result files and figures."""
