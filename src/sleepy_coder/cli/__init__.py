"""The `sleepy` command; every subcommand lives in a module of its own and loads when called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from sleepy_coder import __version__
from sleepy_coder.errors import SleepyError

# Command name -> where it is, and its line in the list. A command is imported only when it is
# called, so that `sleepy --help` needs no torch.
_COMMANDS = {
    "doctor": ("doctor:doctor", "Tell what is installed, what is missing, and how to mend it."),
    "episodes": ("episodes:episodes", "List, export or forget the repairs that were recorded."),
    "eval": ("evaluate:eval_", "Answer a set's problems and judge the answers."),
    "experiment": (
        "experiment:experiment",
        "Settle a claim: run what it compares, write result files and figures.",
    ),
    "fix": ("fix:fix", "Mend your own cargo workspace or file until it compiles."),
    "generate": ("evaluate:generate", "Answer a set's problems; needs a model and no Rust."),
    "judge": ("evaluate:judge", "Judge the answers in a file; needs Rust and no model."),
    "learn": ("learn:learn", "Learn a task for each pattern, and when each is heard."),
    "lora": ("lora:lora", "Train ordinary LoRA adapters, all patterns in one pass."),
    "mutants": ("mutants:mutants", "Build broken programs from real crates' code."),
    "night": ("night:night", "Learn from the repairs that were recorded."),
    "problems": ("problems:problems", "List, show, prove and generate problems."),
    "programs": ("programs:programs", "Have the base model write programs to learn from."),
    "report": ("report:report", "Compare result files."),
    "rollback": ("versions:rollback", "Return to the learned tasks of before a night."),
    "route": ("route:route", "Tell which pattern of mistake a program's errors show."),
    "serve": ("serve:serve", "Serve a model and its learned tasks over HTTP."),
    "share": ("share:share", "Keep many LoRA tasks over one shared basis."),
    "status": ("versions:status", "Tell what waits to be learned, and what nights did."),
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
        module, _, attribute = target[0].partition(":")
        command = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

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
def main(debug: bool) -> None:  # noqa: ARG001 - `LazyGroup` reads it
    """Repair Rust locally: diagnostics in, verified fixes out."""
    if sys.platform == "win32":
        raise click.ClickException("Windows is not supported; use Linux under WSL")


def cargo_main() -> None:
    """Run as `cargo sleepy …`: cargo passes its own subcommand name first."""
    arguments = sys.argv[1:]
    main(arguments[1:] if arguments[:1] == ["sleepy"] else arguments, prog_name="cargo sleepy")
