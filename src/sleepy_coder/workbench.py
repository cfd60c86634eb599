"""What a strategy works with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from sleepy_coder.learned import LearnedTasks
    from sleepy_coder.model import RepairModel
    from sleepy_coder.sandbox import Sandbox


@dataclass(frozen=True)
class Generation:
    """One answer to one problem, as a line of a generations file.

    Attributes:
        output: The answer; edits are already made, so that it holds a whole program.
        key: What the answer depends on, see `repair.resume_key`.
        log_probability: Of the whole answer under the model that gave it, in nats; None where no
            model did.
        task: The learned task that gave it; None is the base model, or no model at all.
    """

    id: str
    strategy: str
    route: Mapping[str, Any] | None
    prompt_sha256: str
    output: str
    tokens_in: int
    tokens_out: int
    seconds: float
    attempts: int = 1
    key: str = ""
    log_probability: float | None = None
    task: str | None = None


@dataclass(frozen=True)
class Workbench:
    """What a strategy may use.

    Attributes:
        model: The base model; None for strategies that need none.
        learned: Tasks that were learned for the model; None where none are used.
        sandbox: Where rustc runs; None for strategies that need no compiler.
        attempts: Answers a problem may take, each shown what the compiler said of the one before.
        max_new_tokens: Limit of one answer, in tokens.
        use_full_rendering: Prompt with rustc's own rendering in place of the compact one.
        on_done: Called with each finished generation, in any order.
    """

    model: RepairModel | None = None
    learned: LearnedTasks | None = None
    sandbox: Sandbox | None = None
    attempts: int = 1
    max_new_tokens: int = 1024
    use_full_rendering: bool = False
    on_done: Callable[[Generation], None] = field(default=lambda _: None)

    def config(self) -> dict[str, Any]:
        """Return the settings that an answer depends on, for result files."""
        return {
            "attempts": self.attempts,
            "max_new_tokens": self.max_new_tokens,
            "diagnostics": "full" if self.use_full_rendering else "compact",
            "dtype": str(self.model.dtype).removeprefix("torch.") if self.model else None,
        }

    def require_model(self, strategy: str) -> RepairModel:
        """Return the model, or say that the strategy cannot do without."""
        if self.model is None:
            raise InputError(f"strategy {strategy}: got no model, expected one; pass --model")
        return self.model

    def require_learned(self, strategy: str) -> LearnedTasks:
        """Return the learned tasks, or say that the strategy cannot do without."""
        if self.learned is None:
            raise InputError(f"strategy {strategy}: got no learned tasks; pass --store")
        return self.learned

    def require_sandbox(self, strategy: str) -> Sandbox:
        """Return the sandbox, or say that the strategy cannot do without."""
        if self.sandbox is None:
            raise InputError(
                f"strategy {strategy}: needs rustc to check its steps, which `sleepy generate` "
                "does not run; use `sleepy eval`"
            )
        return self.sandbox
