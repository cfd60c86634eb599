"""What a model said, kept: the same question to the same model and task is answered once.

A greedy answer follows from the model, the task, the conversation and the limit alone, up to
floating-point ties that another batch may tip. A strategy that leaves a problem to the base model
therefore repeats the base strategy's answer to the letter, instead of asking again for one that
may differ by a tie.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleepy_coder.model import Completion


class AnswerCache:
    """Completions by the hash of all that they depend on.

    Any number of processes may append to one file; each sees what was there when it began and what
    it added itself.

    Args:
        path: A file of one JSON object a line, read now and appended to; None keeps answers in
            memory only. A line that a crash cut off is left out.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Completion] = {}
        if path is not None and path.is_file():
            from sleepy_coder.model import Completion

            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    fields = json.loads(line)
                except ValueError:
                    continue
                key = fields.pop("key")
                self._known[key] = Completion(**fields)

    def find(self, key: str) -> Completion | None:
        """Return the answer to a question, or None where it was not asked yet."""
        return self._known.get(key)

    def made_on(self) -> list[str]:
        """Return where the answers were made, sorted; an empty name where it was not recorded."""
        return sorted({completion.made_on for completion in self._known.values()})

    def add(self, key: str, completion: Completion) -> None:
        """Keep an answer."""
        self._known[key] = completion
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": key, **dataclasses.asdict(completion)}) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def question_key(
    model: tuple[str, str],
    task: tuple[str, str] | None,
    messages: Sequence[Any],
    limit: int,
    *,
    may_repeat: bool = True,
) -> str:
    """Return the key of a greedy answer.

    Args:
        model: Hash of the weights, and the number format that they are computed in.
        task: Hash of the store or adapters, and the task's name; None is the base model.
        messages: The conversation.
        limit: The most tokens of the answer.
        may_repeat: Whether the answer may be no program, or one that the conversation holds.
    """
    rules = [] if may_repeat else ["no repeat"]
    material = json.dumps([model, task, list(messages), limit, *rules])
    return hashlib.sha256(material.encode()).hexdigest()[:24]
