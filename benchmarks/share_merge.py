"""Phase 3 side by side: merge one adapter into a subspace that knows many tasks.

First our merge with 10, 100 and 1,000 known tasks on all modules: the bases' update must not
depend on that number, the coefficients' may. Then our merge and vlora-dev's ``absorb`` (exact) and
``absorb_incremental`` with 74 known tasks, on some of the layers, as vlora-dev's exact merge of all
28 needs 15 GB. At last the difference to decomposing everything again, in float64.

    python benchmarks/share_merge.py                     # about ten minutes, 5 GB of memory
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from measure import ROOT, environment, run_isolated, timed
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.linalg import orthonormalize, product_distance, product_norm
from sleepy_coder.share.merge import merge, update_bases, update_tasks
from sleepy_coder.share.subspace import (
    LoraModule,
    ModuleBasis,
    ModuleCoefficients,
    ModuleMoments,
    Subspace,
)
from sleepy_coder.share.tasks import lora_factors, module_moments
from synthetic import NUM_LAYERS, RANK, SCALING, Factory, module_shapes

COMPONENTS = 32
KNOWN_TASKS = (10, 100, 1000)
PEER_TASKS = 74


@dataclass(frozen=True)
class Drawn:
    """A synthetic adapter in memory (an AdapterSource)."""

    name: str
    factors: dict[str, tuple[Tensor, Tensor]]

    def module_names(self) -> tuple[str, ...]:
        """Return the target modules."""
        return tuple(self.factors)

    def load_module(self, name: str) -> LoraModule:
        """Return one module's factors."""
        b, a = self.factors[name]
        return LoraModule(a, b, SCALING)


def random_subspace(shapes: dict[str, tuple[int, int]], num_tasks: int) -> Subspace:
    """Return a subspace of random bases and coefficients: what it knows does not matter here."""
    generator = torch.Generator().manual_seed(0)
    bases: dict[str, ModuleBasis] = {}
    moments: dict[str, ModuleMoments] = {}
    tasks: dict[str, dict[str, ModuleCoefficients]] = {f"t{i}": {} for i in range(num_tasks)}
    for module, shape in shapes.items():
        sides = [torch.randn((rows, COMPONENTS), generator=generator) for rows in shape]
        bases[module] = ModuleBasis(*(orthonormalize(side) for side in sides))
        drawn = torch.randn((2, num_tasks, COMPONENTS, RANK), generator=generator) / 100
        entries = [ModuleCoefficients(b, a) for b, a in zip(*drawn, strict=True)]
        for task, entry in zip(tasks.values(), entries, strict=True):
            task[module] = entry
        moments[module] = module_moments(entries, Subspace({}, {}))
    return Subspace(bases, tasks, moments)


def measure_growth(layers: int, repeats: int) -> list[dict[str, Any]]:
    """Return the cost of merging one adapter by number of known tasks.

    Every round merges into each of them once, beginning with another one each time; quoted are
    medians, and the median over rounds of the ratio to the fewest tasks in the same round, which
    a machine that is busy for a while does not change.
    """
    shapes = module_shapes("full", layers)
    new = [Drawn("new", Factory("mean", shapes).draw())]
    subspaces = {count: random_subspace(shapes, count) for count in KNOWN_TASKS}
    costs: dict[int, list[tuple[float, float]]] = {count: [] for count in KNOWN_TASKS}
    for number in range(repeats + 1):
        turn = number % len(KNOWN_TASKS)
        for count in KNOWN_TASKS[turn:] + KNOWN_TASKS[:turn]:
            subspace = subspaces[count]
            updates, bases = timed(lambda known=subspace: update_bases(known, new))
            _, tasks = timed(lambda known=subspace, u=updates: update_tasks(known, u))
            costs[count].append((bases["cpu_s"], tasks["cpu_s"]))
    fewest = [x for x, _ in costs[KNOWN_TASKS[0]][1:]]
    return [
        {
            "known_tasks": count,
            "bases_of_fewest": round(
                statistics.median(
                    x / first for (x, _), first in zip(rounds[1:], fewest, strict=True)
                ),
                3,
            ),
            "bases_cpu_s": round(statistics.median(x for x, _ in rounds[1:]), 3),
            "coefficients_cpu_s": round(statistics.median(x for _, x in rounds[1:]), 3),
            "bases_cpu_s_all": [x for x, _ in rounds[1:]],
        }
        for count, rounds in costs.items()
    ]


def draw_known(layers: int) -> tuple[list[Drawn], Drawn]:
    """Return the known adapters and the new one."""
    factory = Factory("mean", module_shapes("full", layers))
    known = [Drawn(f"t{i}", factory.draw()) for i in range(PEER_TASKS)]
    return known, Drawn("new", factory.draw())


def measure_tool(tool: str, layers: int) -> dict[str, Any]:
    """Return one tool's cost of merging into 74 known tasks, and the new task's error."""
    known, new = draw_known(layers)
    if tool == "ours":
        subspace = init_subspace(known, InitOptions(FixedComponents(COMPONENTS)))
        merged, cost = timed(lambda: merge(subspace, [new]))
        fitted = {m: lora_factors(merged.subspace, "new", m) for m in new.factors}
        return {**cost, "error": new_task_error(new, fitted)}
    from vlora import SharedSubspace
    from vlora.io import LoRAWeights

    def convert(drawn: Drawn) -> LoRAWeights:
        b = {m: pair[0] for m, pair in drawn.factors.items()}
        a = {m: pair[1] for m, pair in drawn.factors.items()}
        return LoRAWeights(sorted(b), a, b, RANK)

    peer = SharedSubspace.from_adapters(
        [convert(x) for x in known], task_ids=[x.name for x in known], num_components=COMPONENTS
    )
    _, cost = timed(lambda: getattr(peer, tool)(convert(new), "new"))
    weights = peer.reconstruct("new")
    fitted = {m: (SCALING * weights.lora_b[m], weights.lora_a[m].T) for m in new.factors}
    return {**cost, "error": new_task_error(new, fitted)}


def new_task_error(new: Drawn, fitted: dict[str, tuple[Tensor, Tensor]]) -> float:
    """Return the new task's relative error of ΔW over all modules."""
    lost = whole = 0.0
    for module, (b, a) in new.factors.items():
        lost += float(product_distance((SCALING * b, a.T), fitted[module])) ** 2
        whole += float(product_norm(SCALING * b, a.T)) ** 2
    return round(math.sqrt(lost / whole), 5)


def measure_exactness() -> dict[str, float]:
    """Return how far a merge is from decomposing the reconstructed tasks and the new one again."""
    known, new = draw_known(1)
    subspace = init_subspace(known, InitOptions(FixedComponents(COMPONENTS)))
    merged = merge(subspace, [new]).subspace
    energy_gap = weight_gap = 0.0
    for module in subspace.bases:
        pairs = [lora_factors(subspace, task, module) for task in subspace.tasks]
        b, a = new.factors[module]
        pairs.append((SCALING * b, a.T))
        projected = []
        for side, got in enumerate((merged.bases[module].basis_b, merged.bases[module].basis_a)):
            stack = torch.cat([pair[side].double() for pair in pairs], dim=1)
            exact = torch.linalg.svd(stack, full_matrices=False)[0][:, :COMPONENTS]
            best = float((exact.T @ stack).square().sum())
            found = float((got.double().T @ stack).square().sum())
            energy_gap = max(energy_gap, abs(best - found) / best)
            projected.append(exact @ (exact.T @ stack[:, -RANK:]))
        distance = product_distance(
            (projected[0], projected[1]), lora_factors(merged, "new", module)
        )
        weight_gap = max(weight_gap, float(distance / product_norm(projected[0], projected[1])))
    return {"largest_energy_gap": energy_gap, "largest_new_weight_gap": weight_gap}


def main() -> None:
    """Run the benchmark, or one measurement of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=NUM_LAYERS, help="of the growth curve")
    parser.add_argument("--peer-layers", type=int, default=7, help="of the comparison")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "share_merge.json")
    parser.add_argument("--tool", help="run only this one and print its row")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.tool == "growth":
        print(json.dumps({"rows": measure_growth(arguments.layers, arguments.repeats)}))
        return
    if arguments.tool == "exactness":
        print(json.dumps(measure_exactness()))
        return
    if arguments.tool:
        print(json.dumps(measure_tool(arguments.tool, arguments.peer_layers)))
        return
    flags = [f"--layers={arguments.layers}", f"--peer-layers={arguments.peer_layers}"]
    flags.append(f"--repeats={arguments.repeats}")
    result: dict[str, Any] = {
        "environment": environment(threads=1),
        "settings": {
            "layers": arguments.layers,
            "peer_layers": arguments.peer_layers,
            "peer_tasks": PEER_TASKS,
            "components": COMPONENTS,
            "rank": RANK,
        },
    }
    for part in ("growth", "exactness", "ours", "absorb_incremental", "absorb"):
        result[part] = run_isolated(__file__, [f"--tool={part}", *flags])
        print(part, json.dumps(result[part]), file=sys.stderr, flush=True)
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
