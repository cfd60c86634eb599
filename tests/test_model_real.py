import time

import pytest
import torch

from sleepy_coder.kv_cache import PrefixStore
from sleepy_coder.model import load_model

pytestmark = pytest.mark.model

NAME = "qwen2.5-coder-0.5b-instruct"
PROGRAM = """struct Counter {
    hits: u32,
}

impl Counter {
    fn hit(&mut self) {
        self.hits += 1;
    }
}

fn main() {
    let counter = Counter { hits: 0 };
    counter.hit();
    println!("{} hits: naïve → done", counter.hits);
}
"""
REQUEST = (
    f"```rust\n{PROGRAM}```\n\nCompiler:\nerror[E0596]: cannot borrow `counter` as mutable, as it "
    "is not declared as mutable\n\nAnswer with the complete corrected program in one ```rust block."
)
CONVERSATION = [{"role": "user", "content": REQUEST}]


@pytest.fixture(scope="module")
def model():
    return load_model(NAME, device="cpu")


def test_rust_code_survives_the_tokenizer(model):
    tokens = model.tokenizer(PROGRAM, add_special_tokens=False)["input_ids"]
    assert model.tokenizer.decode(tokens) == PROGRAM
    assert model.count_tokens(PROGRAM) == len(tokens) < len(PROGRAM) / 2


def test_the_chat_template_marks_turns_with_special_tokens(model):
    text = model.tokenizer.apply_chat_template(
        CONVERSATION, tokenize=False, add_generation_prompt=True
    )
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")
    start, end = model.tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    tokens = model.tokenizer(text)["input_ids"]
    assert tokens.count(start) == 3  # the template adds a system turn
    assert tokens.count(end) == 2
    assert model.tokenizer.eos_token_id == end


def test_the_real_model_answers_with_one_closed_program(model):
    (done,) = model.generate([CONVERSATION], max_new_tokens=200)
    assert done.text.rstrip().endswith("```")
    assert "fn main()" in done.text
    assert done.tokens_out < 150


def test_guessing_ahead_changes_no_answer_of_the_real_model(model):
    guessed = model.generate([CONVERSATION], max_new_tokens=120)
    max_draft, model.decoder.max_draft = model.decoder.max_draft, 0
    model.decoder.prefixes = PrefixStore()
    plain = model.generate([CONVERSATION], max_new_tokens=120)
    model.decoder.max_draft = max_draft
    assert [(c.text, c.tokens_out) for c in guessed] == [(c.text, c.tokens_out) for c in plain]


@pytest.mark.slow
def test_int8_says_what_float32_says(model):
    exact = load_model(NAME, device="cpu", dtype="float32")
    tokens = torch.tensor([model.tokenizer(REQUEST)["input_ids"]])
    with torch.inference_mode():
        full, small = (m.hf_model(tokens).logits[0].float() for m in (exact, model))
    agreement = (full.argmax(-1) == small.argmax(-1)).float().mean()
    divergence = (full.log_softmax(-1).exp() * (full.log_softmax(-1) - small.log_softmax(-1))).sum(
        -1
    )
    assert agreement > 0.9
    assert divergence.mean() < 0.05


def test_a_second_start_takes_seconds(model):
    started = time.perf_counter()
    load_model(NAME, device="cpu")
    assert time.perf_counter() - started < 60
