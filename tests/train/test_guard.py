import math

import pytest
import torch

from sleepy_coder.train.fit import FitConfig
from sleepy_coder.train.guard import Guard, SharedParameters


def make_shared(**settings):
    parameters = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(3))]
    return parameters, SharedParameters(parameters, FitConfig(**settings))


def push(shared, parameters, value=1.0, rate=0.1):
    shared.step([torch.full_like(each, value) for each in parameters], rate)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_shared_gradients_that_are_not_finite_move_nothing(value):
    parameters, shared = make_shared()
    push(shared, parameters, value)
    assert torch.equal(shared.flat(), torch.ones(7))
    push(shared, parameters)
    torch.testing.assert_close(shared.flat(), torch.full((7,), 0.9))


def test_after_a_divergence_shared_parameters_go_back_to_before_the_last_good_step():
    parameters, shared = make_shared()
    push(shared, parameters)
    shared.settle(is_well=True)
    push(shared, parameters)
    shared.settle(is_well=True)
    before = parameters[0].detach().clone()
    push(shared, parameters)
    shared.settle(is_well=False)
    # What the losses of the last good step were measured with: one step behind `before`.
    torch.testing.assert_close(shared.flat(), torch.full((7,), 0.9))
    assert not torch.equal(parameters[0], before)
    push(shared, parameters)
    torch.testing.assert_close(shared.flat(), torch.full((7,), 0.85))  # half the rate


def test_the_shared_gradient_is_clipped_by_its_own_limit():
    # Adam's first step is rate * g / (|g| + eps): clipped down to eps it is half as long.
    parameters, shared = make_shared(direction_clip=1e-6 * math.sqrt(7))
    push(shared, parameters)
    torch.testing.assert_close(shared.flat(), torch.full((7,), 0.95))


def test_shared_gradients_are_taken_once():
    parameters, shared = make_shared()
    parameters[1].grad = torch.ones(3)
    taken = shared.take_gradients()
    assert [each.sum().item() for each in taken] == [0.0, 3.0]
    assert parameters[1].grad is None


def test_a_guard_tells_a_rise_of_half_a_nat_from_noise():
    guard = Guard(torch.zeros(2))
    assert all(guard.admits(loss) for loss in (1.0, 2.0, 1.0, 2.0))
    assert not guard.admits(4.0)
    assert not guard.admits(math.nan)
    guard.put_back()
    assert guard.rate_factor == 0.5
    assert guard.admits(1.0)
