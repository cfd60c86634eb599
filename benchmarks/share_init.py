"""Phase 1 side by side: our init_subspace, vlora-dev, lorashare, and the paper's svd_lowrank way.

Each tool builds a basis and all tasks' coefficients from the same adapters on disk, in a fresh
process with one thread; time runs from the paths to the result in memory (imports excluded), peak
memory is the whole process's. Errors are ``||ΔW - reconstruction|| / ||ΔW||`` over all tasks in
every module of a few layers, bytes those of the tensors that each tool would store.

At last our own cost by number of adapters, up to 1,000 of one layer.

    python benchmarks/share_init.py                      # everything: half an hour, 9 GB of memory
    python benchmarks/share_init.py --layers 2 --adapters 20 --kind mean     # a look
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from measure import ROOT, environment, run_isolated, timed
from sleepy_coder.share import spans
from sleepy_coder.share.choice import ExplainedVariance, FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.peft_io import PeftAdapter
from sleepy_coder.share.tasks import lora_factors
from synthetic import KINDS, NUM_LAYERS, RANK, SCALING, module_shapes, write_adapters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Factors = Callable[[str, str], tuple[Tensor, Tensor]]  # (task, module) -> (n, r) and (d, r)

COMPONENTS = 32
VARIANCE_FRAC = 0.6
EQUAL_BYTES_VLORA = 3  # its k at about our bytes: its directions are r times longer
STREAMED = (125, 250, 500, 1000, 2000)  # adapters of one layer
ERROR_LAYERS = 4  # layers, evenly spaced, on which errors are measured


def nbytes(tensors: Sequence[Tensor]) -> int:
    """Return the bytes that the tensors hold."""
    return sum(tensor.numel() * tensor.itemsize for tensor in tensors)


def build_ours(paths: list[Path], options: InitOptions) -> tuple[Factors, int, dict[str, float]]:
    """Build with this library."""
    subspace, cost = timed(lambda: init_subspace([PeftAdapter(path) for path in paths], options))
    tensors = [x for basis in subspace.bases.values() for x in (basis.basis_b, basis.basis_a)]
    for task in subspace.tasks.values():
        tensors += [x for entry in task.values() for x in (entry.coef_b, entry.coef_a)]
    return partial(lora_factors, subspace), nbytes(tensors), cost


def build_without_onednn(paths: list[Path]) -> tuple[Factors, int, dict[str, float]]:
    """Build with this library, its products through ``torch.mm`` as all others' are."""
    spans._ONEDNN_LINEAR = None  # noqa: SLF001 - what this row is about
    return build_ours(paths, InitOptions(FixedComponents(COMPONENTS)))


def build_vlora(paths: list[Path], **options: Any) -> tuple[Factors, int, dict[str, float]]:
    """Build with vlora-dev, as its documentation does."""
    from vlora import SharedSubspace, load_adapter

    names = [path.name for path in paths]

    def work() -> SharedSubspace:
        return SharedSubspace.from_adapters(
            [load_adapter(path) for path in paths], task_ids=names, **options
        )

    subspace, cost = timed(work)
    stored = [*subspace.components_a.values(), *subspace.components_b.values()]
    stored += [*subspace.singular_values_a.values(), *subspace.singular_values_b.values()]
    stored += [*subspace.means_a.values(), *subspace.means_b.values()]
    for task in subspace.tasks.values():
        stored += [*task.loadings_a.values(), *task.loadings_b.values()]

    def factors(task: str, module: str) -> tuple[Tensor, Tensor]:
        sides = []
        for side, transposed in (("b", False), ("a", True)):
            flat = getattr(subspace.tasks[task], f"loadings_{side}")[module]
            columns = flat @ getattr(subspace, f"components_{side}")[module]
            columns = columns + getattr(subspace, f"means_{side}")[module]
            matrix = columns.view(getattr(subspace, f"shapes_{side}")[module])
            sides.append(matrix.T if transposed else SCALING * matrix)
        return sides[0], sides[1]

    return factors, nbytes(stored), cost


def build_lorashare(paths: list[Path]) -> tuple[Factors, int, dict[str, float]]:
    """Build with lorashare, as its documentation does."""
    from lorashare import SHAREModel

    model, cost = timed(
        lambda: SHAREModel.from_adapters(
            {path.name: str(path) for path in paths}, num_components=COMPONENTS
        )
    )
    stored = list(model.components.values())
    for loadings in model.all_loadings.values():
        stored += list(loadings.values())

    def factors(task: str, module: str) -> tuple[Tensor, Tensor]:
        sides = [
            model.components[f"{module}:{side}"] @ model.all_loadings[task][f"{module}:{side}"]
            for side in ("B", "A")
        ]
        return SCALING * sides[0], sides[1]

    return factors, nbytes(stored), cost


def build_lowrank(paths: list[Path]) -> tuple[Factors, int, dict[str, float]]:
    """Build as the paper describes: stack, centre, ``svd_lowrank``, project; the mean is lost."""
    from safetensors.torch import load_file

    bases: dict[tuple[str, str], Tensor] = {}
    loadings: dict[tuple[str, str, str], Tensor] = {}

    def work() -> None:
        loaded = [load_file(path / "adapter_model.safetensors") for path in paths]
        for key in loaded[0]:
            module, side = key.removeprefix("base_model.model.").rsplit(".lora_", 1)
            columns = [x[key] if side[0] == "B" else x[key].T for x in loaded]
            stack = torch.cat(columns, dim=1)
            centred = stack - stack.mean(dim=1, keepdim=True)
            basis, _, _ = torch.svd_lowrank(centred, q=COMPONENTS, niter=2)
            bases[module, side[0]] = basis
            for path, own in zip(paths, columns, strict=True):
                loadings[path.name, module, side[0]] = basis.T @ own

    _, cost = timed(work)

    def factors(task: str, module: str) -> tuple[Tensor, Tensor]:
        b, a = (bases[module, side] @ loadings[task, module, side] for side in "BA")
        return SCALING * b, a

    return factors, nbytes([*bases.values(), *loadings.values()]), cost


def exact_factors(paths: list[Path], modules: list[str]) -> tuple[Factors, int, dict[str, float]]:
    """Build with an exact thin SVD per side, only in the modules where errors are measured."""
    result: dict[tuple[str, str], tuple[Tensor, Tensor]] = {}
    readers = [PeftAdapter(path) for path in paths]

    def work() -> None:
        for module in modules:
            loras = [reader.load_module(module) for reader in readers]
            b = torch.cat([SCALING * lora.b for lora in loras], dim=1)
            a = torch.cat([lora.a.T for lora in loras], dim=1)
            left = [torch.linalg.svd(x, full_matrices=False)[0][:, :COMPONENTS] for x in (b, a)]
            fitted = [u @ (u.T @ x) for u, x in zip(left, (b, a), strict=True)]
            sides = zip(*(torch.tensor_split(x, len(paths), dim=1) for x in fitted), strict=True)
            result.update({(p.name, module): s for p, s in zip(paths, sides, strict=True)})

    _, cost = timed(work)
    return (lambda task, module: result[task, module]), 0, cost


def relative_error(paths: list[Path], modules: list[str], factors: Factors) -> float:
    """Return the error of ΔW over all tasks and the given modules, from small Gram matrices."""
    lost = whole = 0.0
    for path in paths:
        reader = PeftAdapter(path)
        for module in modules:
            lora = reader.load_module(module)
            b, a = SCALING * lora.b.double(), lora.a.double().T
            new_b, new_a = (x.double() for x in factors(path.name, module))
            norm = float(((b.T @ b) * (a.T @ a)).sum())
            cross = float(((b.T @ new_b) * (a.T @ new_a)).sum())
            whole += norm
            lost += norm - 2 * cross + float(((new_b.T @ new_b) * (new_a.T @ new_a)).sum())
    return math.sqrt(max(0.0, lost) / whole)


TOOLS: dict[str, Callable[[list[Path]], tuple[Factors, int, dict[str, float]]]] = {
    "ours": lambda paths: build_ours(paths, InitOptions(FixedComponents(COMPONENTS))),
    "ours, torch.mm": build_without_onednn,
    "ours, product objective": lambda paths: build_ours(
        paths, InitOptions(FixedComponents(COMPONENTS), objective="product")
    ),
    "ours, 60 % variance": lambda paths: build_ours(
        paths, InitOptions(ExplainedVariance(VARIANCE_FRAC))
    ),
    "svd_lowrank (paper)": build_lowrank,
    "vlora-dev": lambda paths: build_vlora(paths, num_components=COMPONENTS),
    "vlora-dev, our bytes": lambda paths: build_vlora(paths, num_components=EQUAL_BYTES_VLORA),
    "vlora-dev, 60 % variance": lambda paths: build_vlora(paths, variance_threshold=VARIANCE_FRAC),
    "lorashare": build_lorashare,
}
EXACT = "exact thin SVD (error only)"
REPEATED = {
    "ours",
    "ours, torch.mm",
    "ours, product objective",
    "svd_lowrank (paper)",
}  # the quick ones, where one run says least
ONCE = {
    "vlora-dev, 60 % variance",
    "ours, torch.mm",
}  # only on the first kind of data: its cost is the same
TARGET_TOOLS = {
    "full": [*(name for name in TOOLS if name != "lorashare"), EXACT],  # its n x n eigh: hours
    "attn": ["ours", "lorashare", "svd_lowrank (paper)", EXACT],
}


def measure(tool: str, folder: Path, target: str, layers: int, count: int) -> dict[str, Any]:
    """Return one tool's cost, bytes and error; runs in a process of its own."""
    paths = sorted(folder.iterdir())[:count]
    modules = list(module_shapes(target, layers))
    per_layer = len(modules) // layers
    step = max(1, layers // ERROR_LAYERS)
    sample = [m for i, m in enumerate(modules) if (i // per_layer) % step == 0]
    if tool == EXACT:
        factors, stored, _ = exact_factors(paths, sample)
        return {"error": round(relative_error(paths, sample, factors), 5)}
    factors, stored, cost = TOOLS[tool](paths)
    error = round(relative_error(paths, sample, factors), 5)
    return {**cost, "bytes": stored, "error": error}


def rows_of(arguments: argparse.Namespace, target: str, kind: str) -> Iterator[dict[str, Any]]:
    """Write one set of adapters, run every tool on it, yield a row for each, delete the set."""
    folder = Path(tempfile.mkdtemp(dir=arguments.scratch))
    try:
        shapes = module_shapes(target, arguments.layers)
        paths = write_adapters(folder, kind, arguments.adapters, shapes)
        os.sync()  # so that nothing is written back while others are timed
        size = sum((path / "adapter_model.safetensors").stat().st_size for path in paths)
        flags = [f"--layers={arguments.layers}", f"--target={target}", f"--folder={folder}"]
        flags.append(f"--adapters={arguments.adapters}")
        tools = [
            tool
            for tool in arguments.tools or TARGET_TOOLS[target]
            if tool not in ONCE or kind == arguments.kind[0]
        ]
        rounds = [[tool for tool in tools if tool in REPEATED]] * (arguments.repeats - 1)
        for chosen in (*rounds, tools):  # in turn: a busy machine slows all of them alike
            for tool in chosen:
                got = run_isolated(__file__, [f"--tool={tool}", *flags])
                row = {"target": target, "kind": kind, "tool": tool, **got}
                print(json.dumps(row), file=sys.stderr, flush=True)
                yield {**row, "adapters_bytes": size}
    finally:
        shutil.rmtree(folder)


def streaming_rows(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield our cost with more and more adapters of one layer."""
    folder = Path(tempfile.mkdtemp(dir=arguments.scratch))
    try:
        write_adapters(folder, arguments.kind[0], max(STREAMED), module_shapes("full", 1))
        os.sync()
        for count in STREAMED:
            flags = ["--layers=1", "--target=full", f"--folder={folder}", f"--adapters={count}"]
            got = run_isolated(__file__, ["--tool=ours", *flags])
            row = {"adapters": count, **got, "cpu_ms_per_adapter": 1000 * got["cpu_s"] / count}
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row
    finally:
        shutil.rmtree(folder)


def run(arguments: argparse.Namespace) -> None:
    """Measure everything; the result file is written anew after every row."""
    result: dict[str, Any] = {
        "environment": environment(threads=1),
        "settings": {
            "adapters": arguments.adapters,
            "layers": arguments.layers,
            "rank": RANK,
            "components": COMPONENTS,
        },
        "rows": [],
    }
    arguments.out.parent.mkdir(exist_ok=True)
    for target in arguments.target:
        for kind in arguments.kind:
            for row in rows_of(arguments, target, kind):
                result["rows"].append(row)
                arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    result["streaming"] = list(streaming_rows(arguments))
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    """Run the benchmark, or one measurement of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adapters", type=int, default=75)
    parser.add_argument("--layers", type=int, default=NUM_LAYERS)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--target", nargs="+", choices=list(TARGET_TOOLS), default=["full", "attn"])
    parser.add_argument("--tools", nargs="+", choices=[*TOOLS, EXACT], help="only these")
    parser.add_argument("--repeats", type=int, default=3, help="runs of the quick rows")
    parser.add_argument("--scratch", help="where the adapters are written, 2.6 GB; then deleted")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "share_init.json")
    parser.add_argument("--tool", help="run only this one, on --folder, and print its row")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.tool:
        print(
            json.dumps(
                measure(
                    arguments.tool,
                    arguments.folder,
                    arguments.target[0],
                    arguments.layers,
                    arguments.adapters,
                )
            )
        )
        return
    run(arguments)


if __name__ == "__main__":
    main()
