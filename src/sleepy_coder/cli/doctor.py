"""`sleepy doctor`: what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from sleepy_coder.cli.options import json_option
from sleepy_coder.errors import StoreError
from sleepy_coder.sandbox import confinement, toolchain

_MIN_PYTHON = (3, 11)
# The default model as downloaded (1.1 GB) and dequantized once (3.1 GB).
_NEEDED_BYTES = 5 * 10**9
_FETCH = "sleepy generate --model {name} --strategy base --limit 1 --out runs/first.jsonl"
_INSTALL_RUST = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        detail: Its version or place, or what is wrong with it.
        is_required: Without it the main job fails; otherwise something works less well.
        mend: The command that installs or repairs it; empty when it is there.
    """

    name: str
    is_ok: bool
    detail: str
    is_required: bool = True
    mend: str = ""


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look for what sleepy needs; exit with 1 when something required is missing."""
    findings = list(examine())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(f) for f in findings], indent=2))
    else:
        for finding in findings:
            click.echo(render_finding(finding))
    if any(f.is_required and not f.is_ok for f in findings):
        ctx.exit(1)


def render_finding(finding: Finding) -> str:
    """Return a line for what was found, and another one with the command that mends it."""
    state = "ok" if finding.is_ok else "missing" if finding.is_required else "optional"
    line = f"{state:8}  {finding.name:16}  {finding.detail}"
    return line if finding.is_ok or not finding.mend else f"{line}\n{'':10}mend it: {finding.mend}"


def examine() -> Iterator[Finding]:
    """Yield a finding for each thing that sleepy uses, in the order in which to mend them."""
    yield _find_python()
    yield from (_find_rust_tool(name) for name in ("rustc", "cargo"))
    yield _find_linker()
    yield _find_confinement()
    yield _find_torch()
    yield from _find_weights()
    yield _find_store()
    yield _find_disk_space()


def _find_python() -> Finding:
    version = platform.python_version()
    is_ok = sys.version_info >= _MIN_PYTHON
    return Finding("python", is_ok, version, mend="" if is_ok else "install Python 3.11 or newer")


def _find_rust_tool(name: str) -> Finding:
    rust = toolchain()
    program = rust / "bin" / name if rust else None
    if program is None or not program.exists():
        return Finding(name, is_ok=False, detail="not found on PATH", mend=_INSTALL_RUST)
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return Finding(name, is_ok=done.returncode == 0, detail=done.stdout.strip())


def _find_linker() -> Finding:
    path = shutil.which("cc")
    if path:
        return Finding("linker", is_ok=True, detail=path)
    mend = (
        "xcode-select --install" if sys.platform == "darwin" else "sudo apt install build-essential"
    )
    return Finding("linker", is_ok=False, detail="cc was not found; rustc links with it", mend=mend)


def _find_confinement() -> Finding:
    found = confinement()
    detail = f"{found.bwrap} confines programs" if found.is_working else found.reason
    if not found.is_working:
        detail += "; judging asks for --allow-unconfined"
    return Finding("bubblewrap", found.is_working, detail, is_required=False, mend=found.mend)


def _find_torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        mend = f"{sys.executable} -m pip install torch"
        return Finding("torch", is_ok=False, detail="not installed", mend=mend)
    import torch

    devices = ["cpu"]
    devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return Finding("torch", is_ok=True, detail=f"{torch.__version__} on {', '.join(devices)}")


def _find_weights() -> Iterator[Finding]:
    """Yield which registered models are in the cache; the others are fetched when first used."""
    try:
        from sleepy_coder.weights import REGISTRY
    except ImportError as error:
        yield Finding("weights", is_ok=False, detail=str(error), is_required=False)
        return
    folder = _cache_dir()
    for name in REGISTRY:
        is_cached = folder.is_dir() and any(folder.glob(f"**/{name}*"))
        detail = f"{name} in {folder}" if is_cached else f"{name} is fetched when first used"
        mend = "" if is_cached else _FETCH.format(name=name)
        yield Finding("weights", is_cached, detail, is_required=False, mend=mend)


def _find_store() -> Finding:
    """Return whether a store is shipped for the default model, and is whole."""
    mend = "pass --store with a store of your own, see docs/learning.md"
    try:
        from sleepy_coder.serving import shipped_store
        from sleepy_coder.share.store import load_store
        from sleepy_coder.weights import DEFAULT_MODEL

        path = shipped_store(DEFAULT_MODEL)
        if path is None:
            detail = f"no learned tasks are shipped for {DEFAULT_MODEL}"
            return Finding("store", is_ok=False, detail=detail, is_required=False, mend=mend)
        num_tasks = len(load_store(path).subspace.tasks)
    except (ImportError, StoreError) as error:
        return Finding("store", is_ok=False, detail=str(error), is_required=False)
    detail = f"tasks learned for {DEFAULT_MODEL}: {num_tasks}, in {path}"
    return Finding("store", is_ok=True, detail=detail, is_required=False)


def _cache_dir() -> Path:
    """Return where weights are kept; the home directory without the libraries that read them."""
    try:
        from sleepy_coder.weights import cache_dir
    except ImportError:
        return Path.home()
    return Path(cache_dir())


def _find_disk_space() -> Finding:
    folder = _cache_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = (
        f"{free / 1e9:.1f} GB free in {folder}, {_NEEDED_BYTES / 1e9:.0f} GB wanted for weights"
    )
    mend = "" if free >= _NEEDED_BYTES else "free some space, or set SLEEPY_CACHE to another disk"
    return Finding("disk", free >= _NEEDED_BYTES, detail, is_required=False, mend=mend)
