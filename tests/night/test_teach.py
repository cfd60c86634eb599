"""What a night's training starts from."""

import torch

from sleepy_coder.night.teach import _start
from sleepy_coder.patterns import GENERAL
from sleepy_coder.share.subspace import ModuleCoefficients
from sleepy_coder.share.tasks import add_columns


def a_task(width, seed):
    generator = torch.Generator().manual_seed(seed)
    sides = (torch.randn(4, width, generator=generator) for _ in range(2))
    return {"layers.0.q": ModuleCoefficients(*sides)}


def test_a_task_goes_on_from_its_own_columns_behind_those_of_general():
    general = a_task(3, 0)
    known = {
        GENERAL: general,
        "built": add_columns(general, a_task(1, 1)),
        "wider": add_columns(general, a_task(2, 2)),
        "whole": a_task(2, 3),
    }
    start, pseudo_rank = _start(known, "built")
    assert start == {GENERAL: general, "built": known["built"]}
    assert pseudo_rank == 1
    assert _start(known, "wider")[1] == 2
    assert _start(known, "whole") == ({"whole": known["whole"]}, 2)
    assert _start(known, "new") == (known, 2)
    assert _start({GENERAL: general}, "new") == ({GENERAL: general}, 1)
    assert _start({}, "new") == ({}, 1)


def test_a_task_of_the_width_of_general_goes_on_by_itself():
    known = {GENERAL: a_task(1, 0), "known": a_task(1, 1)}
    assert _start(known, "known") == ({"known": known["known"]}, 1)
    assert _start(known, "new") == (known, 1)
