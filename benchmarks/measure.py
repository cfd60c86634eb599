"""What every benchmark needs: a fresh process per measurement, its peak memory, the environment."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleepy_coder.model import RepairModel

ROOT = Path(__file__).parents[1]


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what the work returns, its CPU and wall seconds, and the process's peak memory."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {
        "cpu_s": round(time.process_time() - cpu, 3),
        "wall_s": round(time.perf_counter() - wall, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }


def run_isolated(script: str, arguments: list[str], threads: int = 1) -> dict[str, Any]:
    """Run a benchmark script in a fresh process and return the JSON of its last line."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, script, *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:200]}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def processor() -> str:
    """Return the processor's name, and which vector instructions it has."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        flags = " ".join(f for f in ("avx2", "avx512f") if f" {f} " in info.read_text())
        cpu = f"{named[0].split(':')[1].strip()} ({flags})" if named else cpu
    return cpu


def environment_of(model: RepairModel) -> dict[str, Any]:
    """Return where a model answers in this run, and the command."""
    import torch

    from sleepy_coder.results import describe_environment

    return {
        **describe_environment(str(model.device)),
        "command": " ".join(["python", *sys.argv]),
        "cpu": processor(),
        "threads": torch.get_num_threads(),
    }


def environment(threads: int) -> dict[str, Any]:
    """Return versions, processor, threads, command and commit of this run."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    packages = ("torch", "safetensors", "numpy", "vlora-dev", "lorashare")
    return {
        "device": "cpu",
        "cpu": processor(),
        "threads": threads,
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in packages},
        "command": " ".join(["python", *sys.argv]),
        "git_commit": commit,
        "date": time.strftime("%Y-%m-%d"),
    }
