"""The `sleepy` command; every subcommand lives in a module of its own and loads when called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from sleepy_coder import __version__
from sleepy_coder.errors import SleepyError

# Command name -> "module:attribute". Loading late keeps `sleepy --help` free of torch.
_COMMANDS = {
    "doctor": "sleepy_coder.cli.doctor:doctor",
    "eval": "sleepy_coder.cli.evaluate:eval_",
    "generate": "sleepy_coder.cli.evaluate:generate",
    "judge": "sleepy_coder.cli.evaluate:judge",
    "problems": "sleepy_coder.cli.problems:problems",
    "report": "sleepy_coder.cli.report:report",
    "route": "sleepy_coder.cli.route:route",
    "share": "sleepy_coder.cli.share:share",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, in alphabetical order."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, or nothing for an unknown name."""
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `SleepyError` becomes one line and its exit code."""
        try:
            return super().invoke(ctx)
        except SleepyError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"sleepy: {error}", err=True)
            ctx.exit(error.exit_code)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sleepy")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
def main(debug: bool) -> None:
    """Repair Rust locally: diagnostics in, verified fixes out."""


def cargo_main() -> None:
    """Run as `cargo sleepy …`: cargo passes its own subcommand name first."""
    arguments = sys.argv[1:]
    main(arguments[1:] if arguments[:1] == ["sleepy"] else arguments, prog_name="cargo sleepy")
