import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from sleepy_coder.train.pairs import Row


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they bring at this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_model():
    """A random Qwen2 of two layers: small enough to train in a second."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config).eval()
    model.lm_head.weight.data *= 20  # a random head's logits are too flat to learn anything with
    return model.requires_grad_(requires_grad=False)


def make_row(task, prompt, answer, is_edit=None):
    flags = tuple(is_edit or [True] * len(answer))
    return Row(task=task, tokens=(*prompt, *answer), num_prompt=len(prompt), is_edit=flags)


@pytest.fixture
def rows():
    """Two tasks that want opposite answers to the same prompts."""
    prompts = [(3, 4, 5), (6, 7), (8, 9, 10, 11)]
    return {
        "up": [make_row("up", p, (20, 21, 1)) for p in prompts],
        "down": [make_row("down", p, (30, 29, 28, 1)) for p in prompts],
    }
