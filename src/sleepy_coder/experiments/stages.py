"""The arms of sequential learning that depend on the order: one LoRA on and on, and merging."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from safetensors.torch import load_file

from sleepy_coder.experiments.lab import Lab, Rows, basis_size, digest_rows, save_tensors
from sleepy_coder.experiments.resident import Factors, factors_of_adapter, factors_of_task
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.linalg import product_norm
from sleepy_coder.share.merge import merge
from sleepy_coder.share.subspace import LoraModule, Subspace, size_of
from sleepy_coder.share.tasks import add_task, remove_task
from sleepy_coder.train.fit import fit
from sleepy_coder.train.lora import LoraTasks, TrainedAdapter


@dataclass(frozen=True)
class Arm:
    """What an arm has after each stage.

    Attributes:
        prefix: Of its variants' names.
        variants: Name -> factors.
        fixed: Numbers that are stored whatever is learned; or one a stage and order, flat.
        per_task: Numbers that each learned task adds.
        is_routed: A problem goes to its route's task; otherwise one variant answers all.
        is_staged: A task's factors differ from stage to stage.
        num_stages: Stages of an order, where `fixed` has an entry for each.
    """

    prefix: str
    variants: Mapping[str, Factors]
    fixed: Sequence[int]
    per_task: int
    is_routed: bool
    is_staged: bool = False
    num_stages: int = field(default=0)

    def num_stored(self, order: int, stage: int) -> int:
        """Return how many numbers are stored after a stage of an order."""
        place = order * self.num_stages + stage - 1 if self.num_stages else 0
        return self.fixed[place] + self.per_task * stage


def train_single(lab: Lab, rows: Rows, orders: Sequence[Sequence[str]]) -> Arm:
    """Return one adapter fine-tuned on and on, all orders side by side, as it is at each stage."""
    recipe = lab.config.recipe
    names = [f"order-{number}" for number in range(len(orders))]
    tasks = LoraTasks(
        lab.model.hf_model,
        names,
        targets=recipe.targets,
        rank=recipe.rank,
        seed=recipe.lora.seed,
    )
    variants: dict[str, Factors] = {}
    try:
        for stage in range(1, len(orders[0]) + 1):
            seen = [list(order[:stage]) for order in orders]
            material = [dataclasses.asdict(recipe), seen, digest_rows(rows)]
            path = lab.path(f"single-{stage}", material, ".safetensors")
            if not path.is_file():
                drawn = {
                    name: [replace(row, task=name) for row in rows[order[stage - 1]]]
                    for name, order in zip(names, orders, strict=True)
                }
                fit(lab.model.hf_model, tasks, drawn, recipe.lora, pad_id=lab.pad_id)
                save_tensors({"rows": tasks.rows}, path)
            with torch.no_grad():
                tasks.rows.copy_(load_file(path)["rows"])
            for number, adapter in enumerate(tasks.adapters()):
                variants[f"single/{number}/{stage}"] = factors_of_adapter(adapter)
            lab.on_stage(f"single LoRA: task {stage} of {len(orders[0])} trained")
        return Arm("single", variants, [tasks.layout.width], 0, is_routed=False)
    finally:
        tasks.close()


def train_merged(
    lab: Lab,
    rows: Rows,
    orders: Sequence[Sequence[str]],
    growth: int,
    max_components: int,
    *,
    is_scaled: bool = False,
) -> Arm:
    """Return coefficients over a basis that takes in each task's adapter before it is trained.

    At first it knows the tasks that gave the basis, so that a merge keeps what they need of it. It
    may grow by `growth` directions a merge up to `max_components`; old coefficients are recomputed
    on the new basis (Share, section 3.3), the new task's are trained on it. A merge counts what it
    takes in by the energy of its ΔW: scaled, an adapter counts as much as a known task does on
    average.
    """
    prefix = "scaled" if is_scaled else "merged"
    recipe = lab.config.recipe
    adapters = lab.train_adapters(rows, recipe)
    variants: dict[str, Factors] = {}
    sizes: list[int] = []
    for number, order in enumerate(orders):
        known = lab.basis()
        foreign = [name for name in known.tasks if name in order]
        for name in foreign:
            known = remove_task(known, name)
        for stage, task in enumerate(order, 1):
            count = min(max_components, recipe.components + growth * stage)
            with _one_thread():
                adapter = adapters[task]
                merged = merge(
                    known,
                    [scale_to_tasks(adapter, known) if is_scaled else adapter],
                    choice=FixedComponents(count),
                    pseudo_rank=recipe.pseudo_rank,
                ).subspace
            trained = lab.train_coefficients(merged, {task: rows[task]}, recipe)
            known = add_task(remove_task(merged, task), task, trained[task])
            for name in order[:stage]:
                variants[f"{prefix}/{number}/{stage}/{name}"] = factors_of_task(known, name)
            # The next merge needs the founding tasks, too.
            sizes.append(basis_size(known) + sum(map(size_of, known.tasks.values())))
    return Arm(
        prefix, variants, sizes, 0, is_routed=True, is_staged=True, num_stages=len(orders[0])
    )


def scale_to_tasks(adapter: TrainedAdapter, known: Subspace) -> TrainedAdapter:
    """Return the adapter with its ΔW as large as the known tasks' are, their root mean square.

    One factor for all modules, so that they keep their strengths among each other.
    """
    squares = [
        sum(float(product_norm(c.coef_b, c.coef_a)) ** 2 for c in task.values())
        for task in known.tasks.values()
    ]
    own = sum(float(product_norm(m.b, m.a.T) * m.scaling) ** 2 for m in adapter.modules.values())
    factor = (sum(squares) / len(squares) / own) ** 0.5 if squares and own else 1.0
    side = factor**0.5
    modules = {
        name: LoraModule(m.a * side, m.b * side, m.scaling) for name, m in adapter.modules.items()
    }
    return TrainedAdapter(adapter.name, modules)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch's products run on one thread inside.

    A merge is thousands of small ones. While judged programs keep the cores busy, threads that
    wait for each other made it thirty times slower than one (17 s against 0.6 s).
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)
