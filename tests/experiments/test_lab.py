"""What the experiments count."""

import torch

from sleepy_coder.experiments.lab import count_numbers
from sleepy_coder.patterns import GENERAL
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import add_columns


def columns(number):
    return {"module": ModuleCoefficients(torch.randn(4, number), torch.randn(4, number))}


def test_the_columns_of_general_are_nobodys_own():
    bases = {"module": ModuleBasis(torch.eye(6, 4), torch.eye(5, 4))}
    general, own = columns(3), columns(1)
    task = add_columns(general, own)
    assert count_numbers(task, Subspace(bases, {GENERAL: general})) == (8, 24)
    assert count_numbers(own, Subspace(bases, {GENERAL: general})) == (8, 0)
    assert count_numbers(task, Subspace(bases, {})) == (32, 0)
