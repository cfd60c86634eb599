"""`sleepy serve`: learned tasks over HTTP."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sleepy_coder.cli.options import bundle, device_option
from sleepy_coder.cli.sources import StoreOptions, dtype_option, model_option, store_options
from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from sleepy_coder.server.engine import Engine, Limits
    from sleepy_coder.share.manifest import Store

_KEY_VARIABLE = "SLEEPY_API_KEY"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class ServeOptions:
    """Where the server listens and what it takes on at once."""

    host: str
    port: int
    api_key_file: Path | None
    max_rows: int
    max_queue: int
    max_batch_tokens: int | None
    max_context: int | None
    max_new_tokens: int
    grace: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def limits(self) -> Limits:
        """Return what the server takes on at once."""
        from sleepy_coder.server.engine import Limits

        return Limits(self.max_rows, self.max_queue, self.max_batch_tokens, self.max_context)

    def read_key(self) -> str | None:
        """Return the key that clients have to show, from the file or the environment, if any.

        Raises:
            InputError: The file cannot be read, or what is named holds no key.
        """
        if self.api_key_file is None:
            source, found = _KEY_VARIABLE, os.environ.get(_KEY_VARIABLE)
            if found is None:
                return None
        else:
            source = f"--api-key-file {self.api_key_file}"
            try:
                found = self.api_key_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"{source}: {error}") from None
        key = found.strip()
        if not key:
            raise InputError(f"{source}: is empty, expected a key; leave it out to ask for none")
        return key


serve_options = bundle(
    "options",
    ServeOptions,
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8000,
        show_default=True,
        help="0 takes any that is free.",
    ),
    click.option(
        "--api-key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"File with the key that clients have to show; else {_KEY_VARIABLE}, else none.",
    ),
    click.option(
        "--max-rows",
        type=click.IntRange(min=1),
        default=16,
        show_default=True,
        help="Answers that are decoded together.",
    ),
    click.option(
        "--max-queue",
        type=click.IntRange(min=0),
        default=64,
        show_default=True,
        help="Requests that wait beside those; others are turned down.",
    ),
    click.option(
        "--max-batch-tokens",
        type=click.IntRange(min=1),
        help="Tokens, room for answers and padding counted, whose keys and values are kept; by "
        "default a quarter of the memory of a GPU, 32768 on a processor.",
    ),
    click.option(
        "--max-context",
        type=click.IntRange(min=2),
        help="Tokens of a prompt and its answer together, at most what the model takes; by default "
        "a row's share of --max-batch-tokens, but 4096 at least.",
    ),
    click.option(
        "--max-new-tokens",
        type=click.IntRange(min=1),
        default=1024,
        show_default=True,
        help="Limit of an answer whose request names none.",
    ),
    click.option(
        "--grace",
        type=click.IntRange(min=1),
        default=30,
        show_default=True,
        help="Seconds that requests may still take when the server is told to end.",
    ),
)


@click.command()
@model_option
@device_option
@dtype_option
@store_options
@serve_options
def serve(model: str, device: str, dtype: str, stores: StoreOptions, options: ServeOptions) -> None:
    """Serve a model and all its learned tasks, as OpenAI's API has it.

    Each task is a model of its own to clients, and the base model is one; requests of all of them
    are answered together, from one copy of the weights. Ends on Ctrl-C or SIGTERM.
    """
    _require_libraries()
    from sleepy_coder.model import load_model
    from sleepy_coder.server.app import AppConfig, create_app
    from sleepy_coder.server.engine import Engine
    from sleepy_coder.server.listen import bind, listen, make_server, url_of

    key = options.read_key()
    is_open = key is None and options.is_local
    config = AppConfig(
        api_key=key,
        max_new_tokens=options.max_new_tokens,
        hosts=_LOCAL_NAMES | {options.host.lower()} if is_open else None,
    )
    with ExitStack() as stack:
        listening = stack.enter_context(bind(options.host, options.port))
        store = _load_store(stores, model)
        click.echo("loading the model", err=True)
        limits = options.limits()
        loaded = load_model(model, device=device, dtype=dtype)
        engine = stack.enter_context(Engine(loaded, store, limits))
        app = create_app(engine, lambda: _load_store(stores, model), config)
        listen(listening)
        if key is None and not options.is_local:
            click.echo(f"sleepy: {options.host} is open to others and there is no key", err=True)
        click.echo(f"{_describe(engine, model)} at {url_of(listening)}")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with suppress(KeyboardInterrupt):
            make_server(app, options.grace, engine.stop).run(sockets=[listening])


def _require_libraries() -> None:
    missing = [name for name in ("starlette", "uvicorn") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(
            f"sleepy serve needs {' and '.join(missing)}; pip install 'sleepy-coder[serve]'"
        )


def _load_store(stores: StoreOptions, model: str) -> Store | None:
    """Return the store in use as it is now."""
    from sleepy_coder.share.store import load_store

    path = stores.resolve(model)
    return load_store(path) if path else None


def _describe(engine: Engine, model: str) -> str:
    """Return what is served, with the memory that it takes beside the weights."""
    if not engine.tasks:
        return f"serving {model} without learned tasks"
    coefficient_bytes, basis_bytes = (f"{each / 1e6:.1f} MB" for each in engine.task_bytes)
    return (
        f"serving {model} and {len(engine.tasks)} learned tasks "
        f"({coefficient_bytes} and a basis of {basis_bytes})"
    )
