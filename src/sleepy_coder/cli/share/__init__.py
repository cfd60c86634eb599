"""`sleepy share`: one basis for many LoRA adapters, from PEFT in to PEFT or GGUF out."""

from __future__ import annotations

import click

from sleepy_coder.cli.share.inspect import check, compare, info
from sleepy_coder.cli.share.learn import init, merge, project
from sleepy_coder.cli.share.send import export
from sleepy_coder.cli.share.train import train


@click.group()
def share() -> None:
    """Keep many LoRA adapters as small coefficients over one shared basis."""


for _command in (init, train, project, merge, export, info, check, compare):
    share.add_command(_command)
