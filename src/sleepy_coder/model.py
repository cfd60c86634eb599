"""The base model: from a name to answers for a list of conversations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from sleepy_coder.answer_row import Row
from sleepy_coder.decoding import Decoder, close_fence
from sleepy_coder.errors import WeightsError
from sleepy_coder.quantized import is_int8_supported, load_or_quantize, replace_linears
from sleepy_coder.sampling import Sampling
from sleepy_coder.weights import DEFAULT_MODEL, REGISTRY, ModelFiles, resolve_model

Conversation = list[dict[str, str]]
DtypeName = Literal["auto", "int8", "bfloat16", "float16", "float32"]

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
# Guessed tokens a step: simulated on 42 repairs (308 prompt and 241 answer tokens), 16 takes 25
# steps where plain decoding takes 240, and reads 12 % more tokens than the answer has.
_MAX_DRAFT = 16
# The share of an accelerator's free memory that keys and values may take; attention copies a
# layer's for every query head, and the rest is for activations.
_CACHE_SHARE = 0.25
_MPS_BATCH_TOKENS = 8_192


@dataclass(frozen=True)
class Completion:
    """An answer and what it took.

    Attributes:
        seconds: From the start of its batch to the end of this answer.
        tokens_out: Written in all, those of refused answers too.
        log_probability: Of the whole answer, in nats, whatever the temperature.
        num_turns: How often it was refused and turned back (`answer_row.Row.turn_back`).
        made_on: Device and torch; answers may be kept for longer than a run. Empty if not recorded.
    """

    text: str
    tokens_in: int
    tokens_out: int
    seconds: float
    log_probability: float
    num_turns: int = 0
    made_on: str = ""


class RepairModel:
    """A causal language model that answers conversations.

    Attributes:
        name: What the user called it.
        sha256: Of the weights.
        device: Where it runs.
        dtype: `int8`, `bfloat16`, `float16` or `float32`.
        hf_model: The Hugging Face model, whose layers may be wrapped.
        tokenizer: Its tokenizer with the chat template.
        batch_tokens: How many tokens, padding and room for answers counted, a batch may hold.
        decoder: Set `decoder.use_tasks` where layers apply a task of its own to each row.
    """

    def __init__(
        self, hf_model: Any, tokenizer: Any, *, name: str, sha256: str, dtype: str
    ) -> None:
        self.name = name
        self.sha256 = sha256
        self.dtype = dtype
        self.hf_model = hf_model.eval()
        self.tokenizer = tokenizer
        self.device: torch.device = hf_model.device
        self.batch_tokens = _batch_tokens(hf_model)
        stops = frozenset(_stop_tokens(hf_model, tokenizer))
        self.decoder = Decoder(hf_model, self._decode, stops, max_draft=_MAX_DRAFT)

    @property
    def public_name(self) -> str:
        """What stores, results and clients call it: the name, without where its files lie."""
        if self.name in REGISTRY:
            return self.name
        path = Path(self.name).expanduser()
        if path.suffix == ".gguf":
            return path.stem
        return path.resolve().name if path.is_dir() else self.name

    def describe(self) -> dict[str, str]:
        """Return what a result file says of the model."""
        return {"name": self.public_name, "sha256": self.sha256, "dtype": self.dtype}

    @property
    def context_tokens(self) -> int:
        """The most tokens that a prompt and its answer may have together."""
        tokens: int = self.hf_model.config.get_text_config().max_position_embeddings
        return tokens

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, without any of the chat template's."""
        return len(self._encode(text))

    def encode_chat(self, conversation: Conversation) -> list[int]:
        """Return the tokens of a conversation up to the next answer, as the template has it.

        Raises:
            jinja2.TemplateError: The template refuses these roles, or their order.
        """
        text = self.tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=True
        )
        return self._encode(text)

    def encode_text(self, text: str) -> list[int]:
        """Return the tokens of a text that is no chat, begun as the tokenizer begins texts."""
        tokens: list[int] = self.tokenizer(text)["input_ids"]
        return tokens

    def generate(
        self,
        conversations: Sequence[Conversation],
        *,
        max_new_tokens: int | Sequence[int],
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        on_done: Callable[[int, Completion], None] | None = None,
        tasks: Sequence[str | None] | None = None,
        is_refused: Sequence[Callable[[str], bool] | None] | None = None,
    ) -> list[Completion]:
        """Return an answer for each conversation, in order.

        An answer ends at the end of the turn, where its first code block closes, or at
        `max_new_tokens`. Rows of like length share a batch; what a row says depends on neither
        its batch nor the order (up to floating-point ties).

        Args:
            conversations: Messages with `role` and `content`.
            max_new_tokens: The most tokens of an answer, for all or for each.
            temperature: 0 takes the likeliest token; above, tokens are drawn.
            top_p: Draw from the likeliest tokens that together have this probability.
            seed: Of the drawing; the same seed gives the same answers.
            on_done: Called with a conversation's place and its answer as soon as it is complete.
            tasks: A learned task for each row, or None for the base model's own answer.
            is_refused: For each row, what says of an answer's text that it will not do, or None
                where any answer will. A refused row turns back, a few times at most: what it says
                in the end may be refused as well.

        Raises:
            ValueError: `max_new_tokens` is below 1.
        """
        count = len(conversations)
        limits = [max_new_tokens] * count if isinstance(max_new_tokens, int) else max_new_tokens
        if min(limits, default=1) < 1:
            raise ValueError(f"max_new_tokens: got {min(limits)}, expected at least 1")
        sampling = Sampling(temperature, top_p, seed)
        none = [None] * count
        asked = zip(conversations, limits, tasks or none, is_refused or none, strict=True)
        rows = [
            Row(
                index=place,
                prompt=self.encode_chat(conversation),
                limit=limit,
                max_draft=self.decoder.max_draft,
                sampling=sampling,
                task=task,
                is_refused=refuses,
            )
            for place, (conversation, limit, task, refuses) in enumerate(asked)
        ]
        completions: dict[int, Completion] = {}
        for row in self.decoder.run(rows, self.batch_tokens):
            completions[row.index] = self._complete(row)
            if on_done is not None:
                on_done(row.index, completions[row.index])
        return [completions[i] for i in range(len(rows))]

    @cached_property
    def _made_on(self) -> str:
        is_cuda = self.device.type == "cuda"
        device = torch.cuda.get_device_name(self.device) if is_cuda else self.device.type
        return f"{device}, torch {torch.__version__}"

    def _complete(self, row: Row) -> Completion:
        text = close_fence(self._decode(row.output))
        log_probability = math.fsum(token.score for token in row.tokens)
        sizes = (len(row.prompt), len(row.output) + row.num_dropped)
        return Completion(text, *sizes, row.seconds, log_probability, row.num_turns, self._made_on)

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens

    def _decode(self, tokens: list[int]) -> str:
        text: str = self.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def load_model(
    name: str = DEFAULT_MODEL, *, device: str = "auto", dtype: str = "auto"
) -> RepairModel:
    """Return the model of that name, fetched and converted first where that has not been done.

    Args:
        name: A registered name, a hub id, a local directory or a .gguf file.
        device: `auto` (CUDA, then MPS, then CPU), `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: `auto`, `int8` (CPU only), `bfloat16`, `float16` or `float32`.

    Raises:
        WeightsError: The weights cannot be had or loaded, or device or dtype do not fit.
    """
    place = choose_device(device)
    kind = choose_dtype(dtype, place)
    return _load(resolve_model(name), place, kind)


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` takes the fastest there is.

    Raises:
        WeightsError: There is no such device here.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if has_cuda else "mps" if has_mps else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise WeightsError(f"device: got {name!r}, expected auto, cpu, cuda or mps") from error
    if not {"cpu": True, "cuda": has_cuda, "mps": has_mps}.get(device.type, False):
        raise WeightsError(f"device {name!r} is not available here; use --device cpu or auto")
    return device


def choose_dtype(name: str, device: torch.device) -> str:
    """Return the number format of that name; `auto` takes int8 on x86, bfloat16 on accelerators.

    Raises:
        WeightsError: The name is unknown, or the device does not do it.
    """
    can_int8 = device.type == "cpu" and is_int8_supported()
    if name == "auto":
        if device.type == "cpu":
            return "int8" if can_int8 else "float32"
        return "bfloat16"
    if name == "int8" and not can_int8:
        raise WeightsError(f"dtype int8 needs an x86 processor, got device {device}; use auto")
    if name != "int8" and name not in _DTYPES:
        raise WeightsError(f"dtype: got {name!r}, expected auto, int8 or one of {list(_DTYPES)}")
    return name


def _load(files: ModelFiles, device: torch.device, dtype: str) -> RepairModel:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from sleepy_coder.attention import GROUPED

    try:
        with _no_progress():
            tokenizer = AutoTokenizer.from_pretrained(files.directory)
            hf_model = AutoModelForCausalLM.from_pretrained(
                files.directory,
                dtype=_DTYPES.get(dtype, torch.bfloat16),
                attn_implementation=GROUPED if device.type == "cuda" else "sdpa",
            )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"model {files.name!r} does not load: {reason}") from error
    if not _has_full_attention(hf_model.config.get_text_config()):
        raise WeightsError(
            f"model {files.name!r} has layers that see a window of the text only, which are not "
            "decoded here; use a model with full attention"
        )
    if tokenizer.chat_template is None:
        raise WeightsError(f"model {files.name!r} has no chat template; use an instruct model")
    if dtype == "int8":
        replace_linears(hf_model, load_or_quantize(hf_model, files.int8_path))
    hf_model.to(device)
    return RepairModel(hf_model, tokenizer, name=files.name, sha256=files.sha256, dtype=dtype)


def _has_full_attention(config: Any) -> bool:
    """Whether every layer of a model sees all the tokens before one."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return set(kinds) <= {"full_attention"}
    return getattr(config, "sliding_window", None) is None


@contextmanager
def _no_progress() -> Iterator[None]:
    """Silence transformers' progress bars and notices; what it raises still comes through."""
    from transformers.utils import logging

    level, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bar:
            logging.enable_progress_bar()


def _batch_tokens(hf_model: Any) -> int:
    """Return how many tokens, padding and room for answers counted, one batch may hold.

    A processor is busy with a single row (a guess fills the matrix products), and then never
    computes padding.
    """
    if hf_model.device.type != "cuda":
        return _MPS_BATCH_TOKENS if hf_model.device.type == "mps" else 0
    config = hf_model.config.get_text_config()
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_bytes = (
        2 * config.num_hidden_layers * config.num_key_value_heads * size * hf_model.dtype.itemsize
    )
    free_bytes: int = torch.cuda.mem_get_info(hf_model.device)[0]
    num_tokens: int = int(_CACHE_SHARE * free_bytes) // token_bytes
    return num_tokens


def _stop_tokens(hf_model: Any, tokenizer: Any) -> list[int]:
    """Return the tokens that end a turn: the tokenizer's, the model's, and the padding."""
    found: list[int] = []
    config = getattr(hf_model, "generation_config", None)
    for value in (
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
        getattr(config, "eos_token_id", None),
    ):
        found += value if isinstance(value, list) else [] if value is None else [value]
    return found
