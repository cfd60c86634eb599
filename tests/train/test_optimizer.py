import torch

from sleepy_coder.train.optimizer import AdamConfig, TaskAdam


def test_one_row_moves_as_torch_adamw_moves_it():
    config = AdamConfig(weight_decay=0.1, max_grad_norm=0.7)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(2, 5, generator=generator)
    rows, reference = start.clone(), start[1].clone().requires_grad_()
    optimizer = TaskAdam(rows, config)
    adamw = torch.optim.AdamW([reference], lr=0.03, eps=config.eps, weight_decay=0.1)
    for _ in range(7):
        grads = torch.randn(2, 5, generator=generator) * 3
        optimizer.step(rows, grads, torch.tensor([0.01, 0.03]), torch.tensor([True, True]))
        reference.grad = grads[1].clone()
        torch.nn.utils.clip_grad_norm_([reference], config.max_grad_norm)
        adamw.step()
    torch.testing.assert_close(rows[1], reference.detach())


def test_an_inactive_row_stays_and_keeps_its_momentum_to_itself():
    rows = torch.ones(2, 3)
    optimizer = TaskAdam(rows, AdamConfig())
    both, first = torch.tensor([True, True]), torch.tensor([True, False])
    optimizer.step(rows, torch.ones(2, 3), torch.full((2,), 0.1), both)
    kept = rows[1].clone()
    optimizer.step(rows, torch.ones(2, 3), torch.full((2,), 0.1), first)
    assert torch.equal(rows[1], kept)
    assert not torch.equal(rows[0], kept)


def test_a_gradient_that_is_not_finite_moves_nothing():
    rows = torch.ones(2, 3)
    grads = torch.tensor([[1.0, float("nan"), 1.0], [1.0, 1.0, 1.0]])
    norms = TaskAdam(rows, AdamConfig()).step(
        rows, grads, torch.full((2,), 0.1), torch.tensor([True, True])
    )
    assert torch.equal(rows[0], torch.ones(3))
    assert not torch.equal(rows[1], torch.ones(3))
    assert not norms[0].isfinite()
