"""A tiny problem and a model that answers from a script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BUGGY = """fn main() {
    let total = 1;
    total += 2;
    println!("{total}");
}
"""
FIXED = BUGGY.replace("let total", "let mut total")


@dataclass(frozen=True)
class ScriptedCompletion:
    text: str
    tokens_in: int = 10
    tokens_out: int = 5
    seconds: float = 0.1
    log_probability: float = -0.5
    num_turns: int = 0
    made_on: str = "a script"


@dataclass
class ScriptedModel:
    """Stands where a language model would: answers from a function of the conversation."""

    answer: Callable[[list[dict[str, str]]], str]
    name: str = "scripted"
    public_name: str = "scripted"
    sha256: str = "0" * 64
    device: str = "cpu"
    dtype: str = "float32"
    asked: list[list[dict[str, str]]] = field(default_factory=list)

    def count_tokens(self, text: str) -> int:
        return len(text)

    def generate(self, conversations: Sequence[list[dict[str, str]]], *, on_done=None, **_):
        self.asked.extend(conversations)
        completions = [ScriptedCompletion(self.answer(c)) for c in conversations]
        for row in reversed(range(len(completions))):
            if on_done is not None:
                on_done(row, completions[row])
        return completions
