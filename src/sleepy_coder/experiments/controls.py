"""What a shared subspace has to be compared with: the mean, random bases, adapters without meaning.

Pure functions of factors, ``ΔW = left @ right.T`` in each module; no ΔW is formed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from sleepy_coder.experiments.resident import Factors
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.linalg import product_distance, product_norm, reduce_product
from sleepy_coder.share.subspace import LoraModule, ModuleBasis, Subspace
from sleepy_coder.share.tasks import in_basis
from sleepy_coder.train.lora import TrainedAdapter

if TYPE_CHECKING:
    from torch import Tensor

    from sleepy_coder.share.subspace import Objective


@dataclass(frozen=True)
class Bases:
    """How bases are made, the same way for adapters and for what they are compared with.

    Attributes:
        objective: Whose energy they keep.
        mean_rank: Rank that a mean is kept in.
    """

    objective: Objective = "product"
    mean_rank: int = 32

    def of(self, adapters: Mapping[str, Factors], components: int) -> Subspace:
        """Return the adapters' k leading directions on either side."""
        sources = [as_adapter(name, factors) for name, factors in adapters.items()]
        return init_subspace(
            sources, InitOptions(FixedComponents(components), objective=self.objective)
        )

    def of_own_parts(self, adapters: Mapping[str, Factors], components: int) -> Subspace:
        """Return the same of the adapters less their mean.

        Always with the objective "product": a difference of two ΔW has the columns of both, so the
        energy of its factors says nothing.
        """
        own = without_mean(adapters, self.mean_rank)
        return replace(self, objective="product").of(own, components)


def as_adapter(name: str, factors: Factors) -> TrainedAdapter:
    """Return factors as an adapter that a basis can be made of."""
    modules = {
        m: LoraModule(a=right.T, b=left, scaling=1.0) for m, (left, right) in factors.items()
    }
    return TrainedAdapter(name, modules)


def combine(terms: Sequence[tuple[float, Factors]]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return factors of the weighted sum of ΔW, its rank the sum of theirs.

    All terms have the same modules.
    """
    return {
        module: (
            torch.cat([weight * factors[module][0] for weight, factors in terms], dim=1),
            torch.cat([factors[module][1] for _, factors in terms], dim=1),
        )
        for module in terms[0][1]
    }


def mean_of(adapters: Sequence[Factors], rank: int) -> Factors:
    """Return the adapters' mean ΔW, in each module the best approximation of this rank."""
    whole = combine([(1 / len(adapters), each) for each in adapters])
    return {module: _reduce(left, right, rank) for module, (left, right) in whole.items()}


def without_mean(adapters: Mapping[str, Factors], rank: int) -> dict[str, Factors]:
    """Return each adapter less the mean of all of them (as `mean_of` gives it)."""
    mean = mean_of(list(adapters.values()), rank)
    return {name: combine([(1, each), (-1, mean)]) for name, each in adapters.items()}


def project_factors(subspace: Subspace, factors: Factors) -> Factors:
    """Return ``P_b ΔW P_a``, the best ΔW that the bases can express; its rank is k at most."""
    found = {}
    for module, (left, right) in factors.items():
        basis = subspace.bases[module]
        b, a = in_basis(basis.basis_b, left), in_basis(basis.basis_a, right)
        b, a = _reduce(b, a, min(len(b), len(a)))
        found[module] = basis.basis_b @ b, basis.basis_a @ a
    return found


def _reduce(left: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    return (left, right) if left.shape[1] <= rank else reduce_product(left, right, rank)


def relative_error(factors: Factors, approximation: Factors) -> float:
    """Return ``||ΔW - approximation|| / ||ΔW||`` over all modules together.

    The part of the energy that is kept is 1 less its square; what makes things worse has more
    than 1.
    """
    lost = sum(float(product_distance(pair, approximation[m])) ** 2 for m, pair in factors.items())
    whole = sum(float(product_norm(*pair)) ** 2 for pair in factors.values())
    return math.sqrt(lost / whole) if whole else 0.0


def first_directions(subspace: Subspace, components: int) -> Subspace:
    """Return the bases of the first k directions alone, without tasks."""
    return Subspace(
        {
            module: ModuleBasis(basis.basis_b[:, :components], basis.basis_a[:, :components])
            for module, basis in subspace.bases.items()
        },
        {},
    )


def random_like(subspace: Subspace, seed: int) -> Subspace:
    """Return random orthonormal bases of the same sizes, without tasks."""
    generator = torch.Generator().manual_seed(seed)
    return Subspace(
        {
            module: ModuleBasis(
                _directions(basis.basis_b.shape, generator),
                _directions(basis.basis_a.shape, generator),
            )
            for module, basis in subspace.bases.items()
        },
        {},
    )


def gaussian_like(factors: Factors, generator: torch.Generator) -> Factors:
    """Return iid Gaussian factors of the same shapes and Frobenius norms."""

    def draw(side: Tensor) -> Tensor:
        drawn = torch.randn(side.shape, generator=generator)
        scaled: Tensor = drawn * (side.norm() / drawn.norm())
        return scaled

    return {module: (draw(left), draw(right)) for module, (left, right) in factors.items()}


def redirected(factors: Factors, generator: torch.Generator) -> Factors:
    """Return factors with the same singular values, theirs and ΔW's, in random directions."""

    def turn(side: Tensor) -> Tensor:
        turned: Tensor = _directions(side.shape, generator) @ torch.linalg.qr(side, mode="r").R
        return turned

    return {module: (turn(left), turn(right)) for module, (left, right) in factors.items()}


NULLS: Mapping[str, Callable[[Factors, torch.Generator], Factors]] = {
    "Gaussian": gaussian_like,
    "own strengths, random directions": redirected,
}


def null_of(kind: str, adapters: Mapping[str, Factors], seed: int) -> dict[str, Factors]:
    """Return adapters of one of `NULLS`, drawn from one seed in the order of the names."""
    generator = torch.Generator().manual_seed(seed)
    return {name: NULLS[kind](adapters[name], generator) for name in sorted(adapters)}


def _directions(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return random orthonormal columns (n, k)."""
    columns: Tensor = torch.linalg.qr(torch.randn(*shape, generator=generator)).Q
    return columns
