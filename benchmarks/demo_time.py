"""Time `make demo` from a fresh clone, and check that it leaves the results that it should.

Writes `results/demo.json`. Run it in a clone without `.venv` and `runs`, on a machine that does
nothing else; the weights may lie in the cache already, which the record then says. Needs only
Python's standard library, since it runs before anything is set up.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "runs" / "demo"
STRATEGIES = ("rustfix", "base", "hints", "routed")
_INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


def main() -> None:
    """Run the demo and write what it took."""
    arguments = sys.argv[1:]
    if (ROOT / ".venv").exists() or RUNS.exists():
        sys.exit(f"{ROOT} is not a fresh clone: it has .venv or runs/demo; clone it anew")
    load_before = os.getloadavg()[0]
    started = time.perf_counter()
    marks = run_demo(["make", "demo", *arguments], started)
    record = {
        "command": " ".join(["make demo", *arguments]),
        "wall_s": round(time.perf_counter() - started, 1),
        "setup_s": marks["setup"],
        "downloads_weights": marks["download"] is not None,
        "converts_weights": marks["conversion"] is not None,
        "load_before": round(load_before, 1),
        "machine": describe_machine(),
        "strategies": {name: summarize(RUNS / f"{name}.json") for name in STRATEGIES},
    }
    path = ROOT / "results" / "demo.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


def run_demo(command: list[str], started: float) -> dict[str, float | None]:
    """Run a command, pass its output on, and return when each part of the demo was first seen."""
    marks: dict[str, float | None] = dict.fromkeys(("setup", "download", "conversion"))
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            now = round(time.perf_counter() - started, 1)
            print(f"{now:7.1f} s  {line}", end="", flush=True)
            if "sleepy eval" in line:
                marks["setup"] = now
            elif line.rstrip().endswith(" %") and marks["download"] is None:
                marks["download"] = now
            elif "dequantizing" in line:
                marks["conversion"] = now
    if process.returncode:
        sys.exit(f"{' '.join(command)} exited with {process.returncode}")
    return marks


def describe_machine() -> dict[str, Any]:
    """Return what the time depends on: cores, memory, instruction sets."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set[str]()
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "num_cores": os.cpu_count(),
        "memory_gb": round(memory_bytes / 1e9),
        "machine": platform.machine(),
        "system": platform.system(),
        "instruction_sets": [name for name in _INSTRUCTION_SETS if name in flags],
    }


def summarize(path: Path) -> dict[str, Any]:
    """Return the totals of one strategy and what made them."""
    record = json.loads(path.read_text())
    made = record["environment"]["generation"]
    totals = {k: record["totals"][k] for k in ("passed", "total", "tokens_in", "tokens_out")}
    return {
        **totals,
        "seconds": record["totals"]["seconds"],
        "model": record["model"] and record["model"]["name"],
        "dtype": record["config"]["dtype"],
        "git_commit": made["git_commit"],
        "python": made["python"],
        "rustc": made["rustc"],
        "libraries": made["libraries"],
    }


if __name__ == "__main__":
    main()
