"""A random two-layer Qwen2 with a byte-level tokenizer, made on the spot."""

from types import SimpleNamespace

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from sleepy_coder.model import RepairModel
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace

# So small a model only waits for its second thread.
torch.set_num_threads(1)

END, PAD = "<|im_end|>", "<|pad|>"
TEMPLATE = "{% for m in messages %}{{ m['role'][0] }}:{{ m['content'] }}<|im_end|>{% endfor %}a:"


def make_tokenizer():
    alphabet = sorted(ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate([*alphabet, END, PAD])}
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=[], eos_token=END, pad_token=PAD)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_hf_model(vocab_size: int, seed: int = 0) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=vocab_size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.3,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():  # less chaos: some answers repeat themselves
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight *= 0.5
            layer.mlp.down_proj.weight *= 0.5
    return model


def make_model(seed: int = 0) -> RepairModel:
    tokenizer = make_tokenizer()
    hf_model = make_hf_model(len(tokenizer), seed)
    return RepairModel(hf_model, tokenizer, name="tiny", sha256="0" * 64, dtype="float32")


class ScriptedLM:
    """Stands where a language model would: after a prompt of any length it says its script."""

    device = torch.device("cpu")

    def __init__(self, tokenizer, prompt_tokens: int, script: list[int]) -> None:
        self._script = script
        self._prompt_tokens = prompt_tokens
        self._size = len(tokenizer)
        self.num_forwards = 0

    def eval(self):
        return self

    def get_decoder(self):
        return self._read

    def get_output_embeddings(self):
        return lambda hidden: hidden

    def _read(self, *, position_ids, **_):
        self.num_forwards += 1
        places = (position_ids - self._prompt_tokens + 1).clamp(0, len(self._script) - 1)
        said = torch.tensor(self._script)[places]
        return SimpleNamespace(
            last_hidden_state=torch.nn.functional.one_hot(said, self._size).float()
        )


def make_scripted(text: str, conversation) -> RepairModel:
    """Return a model that answers this conversation with `text`, special tokens included."""
    tokenizer = make_tokenizer()
    prompt = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    prompt_tokens = len(tokenizer(prompt)["input_ids"])
    hf_model = ScriptedLM(tokenizer, prompt_tokens, tokenizer(text)["input_ids"])
    return RepairModel(hf_model, tokenizer, name="scripted", sha256="0" * 64, dtype="float32")


def make_store(model, tasks=("assign_twice_immutable",), form="edit", size=3.0):
    """Return a store of large random coefficients over the attention's outputs."""
    torch.manual_seed(5)
    bases, coefficients = {}, {name: {} for name in tasks}
    for name, layer in model.hf_model.named_modules():
        if name.endswith("o_proj"):
            b, _ = torch.linalg.qr(torch.randn(layer.out_features, 4))
            a, _ = torch.linalg.qr(torch.randn(layer.in_features, 4))
            bases[name] = ModuleBasis(basis_b=b, basis_a=a)
            for task in tasks:
                coef = size * torch.randn(2, 4, 1)
                coefficients[task][name] = ModuleCoefficients(coef_b=coef[0], coef_a=coef[1])
    provenance = {task: {"answer_form": form} for task in tasks}
    return Store(Subspace(bases, coefficients), base_model="tiny", provenance=provenance)
