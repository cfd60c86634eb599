"""`sleepy share export`: a task out of a store, for PEFT, vLLM, llama.cpp or Ollama."""

from __future__ import annotations

from pathlib import Path

import click

from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.share.options import (
    DTYPES,
    config_option,
    dtype_option,
    print_result,
    store_argument,
)
from sleepy_coder.errors import InputError
from sleepy_coder.share.files import read_json
from sleepy_coder.share.gguf_io import save_gguf
from sleepy_coder.share.peft_io import save_peft
from sleepy_coder.share.store import load_store


@click.command()
@store_argument
@click.argument("task")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="What to write.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["peft", "gguf"]),
    default="peft",
    show_default=True,
    help="A PEFT directory (vLLM reads it too) or a GGUF file (llama.cpp, Ollama).",
)
@config_option
@dtype_option
@json_option
def export(
    store: Path,
    task: str,
    out: Path,
    kind: str,
    config_file: Path | None,
    dtype: str,
    as_json: bool,
) -> None:
    """Write one TASK of STORE as an ordinary LoRA adapter of rank p."""
    loaded = load_store(store)
    base_model, number = loaded.base_model, DTYPES[dtype]
    if kind == "peft":
        save_peft(loaded.subspace, task, out, base_model=base_model, dtype=number)
    elif config_file is None:
        raise InputError("--format gguf: give the base model's config.json with --config")
    else:
        config = read_json(config_file)
        save_gguf(loaded.subspace, task, out, config=config, dtype=number, base_model=base_model)
    print_result([], {"wrote": str(out), "format": kind}, title="", as_json=as_json)
