import pytest
import torch

from sleepy_coder.train import losses
from sleepy_coder.train.config import FitConfig
from sleepy_coder.train.losses import row_losses
from sleepy_coder.train.pairs import Row, collate

CONFIG = FitConfig(edit_weight=2.0, kept_weight=0.5, kl_weight=0.7)


@pytest.fixture
def batch():
    long = Row("up", (3, 4, 5, 20, 21, 22, 1), 3, (True, False, False, True))
    return collate([long, Row("down", (6, 7, 30, 1), 2, (False, True))], 0, "cpu")


def draw(model, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(batch.labels), model.config.hidden_size, generator=generator)


def by_hand(model, hidden, base_hidden, batch):
    """Weighted mean over each row's tokens, by the formulas, for autograd to go through."""
    logs = model.lm_head(hidden).log_softmax(-1)
    base = model.lm_head(base_hidden).log_softmax(-1)
    sums, weights = torch.zeros(2), torch.zeros(2)
    for at, row in enumerate(batch.targets[:, 0].tolist()):
        is_edit = bool(batch.is_edit[at])
        weight = CONFIG.edit_weight if is_edit else CONFIG.kept_weight
        loss = -weight * logs[at, batch.labels[at]]
        if not is_edit:
            loss = loss + CONFIG.kl_weight * (base[at].exp() * (base[at] - logs[at])).sum()
        sums = sums + loss * torch.eye(2)[row]
        weights[row] += weight
    return sums / weights


@pytest.mark.parametrize("per_chunk", [1, 4, 1024])
def test_losses_and_gradients_are_those_of_the_formulas(tiny_model, batch, per_chunk, monkeypatch):
    monkeypatch.setattr(losses, "_LOGITS_PER_CHUNK", per_chunk)
    base_hidden, scale = draw(tiny_model, batch, 1), torch.tensor([0.3, 2.0])
    found = []
    for work in (by_hand, lambda *inputs: row_losses(*inputs, CONFIG)):
        hidden = draw(tiny_model, batch, 0).requires_grad_()
        per_row = work(tiny_model, hidden, base_hidden, batch)
        (per_row * scale).sum().backward()
        found.append((per_row.detach(), hidden.grad))
    torch.testing.assert_close(found[1], found[0])


def test_in_half_precision_the_gradient_is_off_by_roundings_only(tiny_model, batch):
    model = tiny_model.bfloat16()
    hidden, base_hidden = (draw(model, batch, seed).bfloat16() for seed in (0, 1))
    half = hidden.clone().requires_grad_()
    row_losses(model, half, base_hidden, batch, CONFIG).sum().backward()
    exact = hidden.float().requires_grad_()
    by_hand(model.float(), exact, base_hidden.float(), batch).sum().backward()
    assert (half.grad.float() - exact.grad).norm() < 0.02 * exact.grad.norm()


def test_the_head_sees_each_token_once(tiny_model, batch):
    seen = []
    handle = tiny_model.lm_head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    hidden = draw(tiny_model, batch, 0).requires_grad_()
    config = FitConfig()
    row_losses(tiny_model, hidden, None, batch, config).sum().backward()
    handle.remove()
    assert sum(map(len, seen)) == len(batch.labels)
