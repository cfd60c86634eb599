"""What a strategy works with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from sleepy_coder.answer_cache import AnswerCache
    from sleepy_coder.model import RepairModel
    from sleepy_coder.prompt import AnswerForm
    from sleepy_coder.router import Route
    from sleepy_coder.sandbox import Sandbox

# Coefficients of a store; a LoRA adapter a task; such adapters projected onto a store's basis.
Serves = Literal["store", "adapters", "projected"]


class ServedTasks(Protocol):
    """Learned tasks that are resident on a model."""

    @property
    def sha256(self) -> str:
        """Return the hash of all that an answer under a task depends on beside the model."""

    def task_of(self, route: Route | None) -> str | None:
        """Return the task that a route leads to, or None where nothing was learned for it."""

    def general(self) -> str | None:
        """Return the task that learned from many patterns together, or None without one."""

    def answer_form(self, task: str | None) -> AnswerForm:
        """Return the form in which a task was taught to answer; the base model's is the program."""

    def min_doubt(self, task: str) -> float:
        """Return from how much doubt of the base model on a task is heard, see `dialogue.doubt`.

        Zero lets it answer alone; infinite, only where the base model has no answer.
        """

    def describe(self) -> Mapping[str, Any]:
        """Return what result files say of the tasks."""

    def close(self) -> None:
        """Leave the model as it was."""


@runtime_checkable
class AveragedTasks(ServedTasks, Protocol):
    """Learned tasks that have a mean."""

    def use_average(self) -> str:
        """Make the mean of all patterns' ΔW resident; return the name that rows ask for it by."""


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
        answers: What the model said before, so that no question is asked twice; None asks anew.
        on_done: Called with each finished generation, in any order.
    """

    model: RepairModel | None = None
    learned: ServedTasks | None = None
    sandbox: Sandbox | None = None
    attempts: int = 1
    max_new_tokens: int = 1024
    use_full_rendering: bool = False
    answers: AnswerCache | None = None
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

    def require_learned(self, strategy: str, options: str = "--store") -> ServedTasks:
        """Return the learned tasks, or say that the strategy cannot do without."""
        if self.learned is None:
            raise InputError(f"strategy {strategy}: got no learned tasks; pass {options}")
        return self.learned

    def require_average(self, strategy: str) -> AveragedTasks:
        """Return learned tasks that have a mean, or say that the strategy cannot do without."""
        learned = self.require_learned(strategy)
        if not isinstance(learned, AveragedTasks):
            raise InputError(f"strategy {strategy}: got tasks without a mean; pass --store")
        return learned

    def require_sandbox(self, strategy: str) -> Sandbox:
        """Return the sandbox, or say that the strategy cannot do without."""
        if self.sandbox is None:
            raise InputError(
                f"strategy {strategy}: needs rustc to check its steps, which `sleepy generate` "
                "does not run; use `sleepy eval`"
            )
        return self.sandbox
