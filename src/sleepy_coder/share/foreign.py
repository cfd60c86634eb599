"""Adapters out of other tools' compressed stores: vlora-dev 1.0 and lorashare 0.1.

Both are read as what they reconstruct: ordinary LoRA factors, which `init_subspace` takes like any
PEFT adapter. Neither keeps all that a LoRA is: vlora loses every adapter's alpha, lorashare the
mean of the factors that it subtracted; what they dropped cannot come back.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import StoreError
from sleepy_coder.share.files import TensorFile, check_task_name, read_json
from sleepy_coder.share.peft_io import find_adapters
from sleepy_coder.share.subspace import LoraModule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource

VLORA_FILE = "subspace_meta.json"
LORASHARE_FILE = "share_config.json"


class VloraTask:
    """One task of a vlora-dev store (an `AdapterSource`).

    vlora flattens a factor to one long vector: `vec(A) = mean + loadings @ components`.
    """

    def __init__(self, path: Path, name: str, meta: Mapping[str, Any], scaling: float) -> None:
        self.name = check_task_name(name)
        file = check_task_name(meta["task_filenames"].get(name, name))
        self._basis = TensorFile(path / "subspace.safetensors")
        self._loadings = TensorFile(path / f"task_{file}.safetensors")
        self._meta = meta
        self._scaling = scaling

    def module_names(self) -> tuple[str, ...]:
        """Return the modules that the store was built from."""
        return tuple(self._meta["layer_names"])

    def load_module(self, name: str) -> LoraModule:
        """Return one module's reconstructed factors; the scaling is the one given by the caller."""
        return LoraModule(a=self._side(name, "a"), b=self._side(name, "b"), scaling=self._scaling)

    def _side(self, module: str, side: str) -> Tensor:
        components = self._basis.read(f"{module}.components_{side}").float()
        mean = self._basis.read(f"{module}.mean_{side}").float()
        loadings = self._loadings.read(f"{module}.loadings_{side}").float()
        shape = self._meta[f"shapes_{side}"].get(module)
        fits = (
            components.ndim == 2  # noqa: PLR2004 - a matrix
            and loadings.shape == components.shape[:1]
            and mean.shape == components.shape[1:]
            and _is_shape(shape)
            and shape[0] * shape[1] == mean.numel()
        )
        if not fits:
            raise StoreError(f"vlora store: shapes of {module} (side {side}) do not fit each other")
        return (mean + loadings @ components).reshape(shape)


def open_vlora(path: Path | str, *, scaling: float) -> list[VloraTask]:
    """Return the tasks of a vlora-dev store.

    Args:
        path: Directory that vlora's `SharedSubspace.save` wrote.
        scaling: alpha / r of the original adapters, which vlora does not keep.

    Raises:
        StoreError: It is no such store, is NF4-packed, or has malformed fields.
    """
    path = Path(path)
    meta = read_json(path / VLORA_FILE)
    if meta.get("format", "float32") != "float32":
        raise StoreError(f"{path}: a quantized vlora store; save it again with save()")
    lists = (meta.get("task_ids"), meta.get("layer_names"))
    tables = (meta.get("task_filenames"), meta.get("shapes_a"), meta.get("shapes_b"))
    if not all(_is_list_of_names(value) for value in lists) or not all(
        isinstance(value, dict) for value in tables
    ):
        raise StoreError(f"{path.name}/{VLORA_FILE}: fields are missing or of the wrong type")
    return [VloraTask(path, name, meta, scaling) for name in meta["task_ids"]]


class LorashareTask:
    """One adapter of a lorashare store (an `AdapterSource`): factor = components @ loadings."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = check_task_name(name)
        folder = path / "adapters" / name
        self._components = TensorFile(path / "shared_components.safetensors")
        self._loadings = TensorFile(folder / "loadings.safetensors")
        config = read_json(folder / "adapter_meta.json").get("original_config")
        config = config if isinstance(config, dict) else {}
        self._scaling = _scaling(config, name)

    def module_names(self) -> tuple[str, ...]:
        """Return the adapter's modules."""
        return tuple(
            key.removesuffix(":A")
            for key in self._loadings.keys()  # noqa: SIM118 - a method of our own
            if key.endswith(":A")
        )

    def load_module(self, name: str) -> LoraModule:
        """Return one module's reconstructed factors with the original adapter's scaling."""
        sides = []
        for side in ("A", "B"):
            components = self._components.read(f"{name}:{side}").float()
            loadings = self._loadings.read(f"{name}:{side}").float()
            if components.ndim != 2 or loadings.ndim != 2 or components.shape[1] != len(loadings):  # noqa: PLR2004 - matrices
                raise StoreError(f"lorashare store: shapes of {name}:{side} do not fit each other")
            sides.append(components @ loadings)
        return LoraModule(a=sides[0].T.contiguous(), b=sides[1], scaling=self._scaling)


def open_lorashare(path: Path | str) -> list[LorashareTask]:
    """Return the adapters of a lorashare store.

    Raises:
        StoreError: It is no such store, or an adapter's alpha and rank are missing.
    """
    path = Path(path)
    names = read_json(path / LORASHARE_FILE).get("adapter_names")
    if not _is_list_of_names(names):
        raise StoreError(f"{path.name}/{LORASHARE_FILE}: adapter_names must be a list of names")
    return [LorashareTask(path, check_task_name(name)) for name in names or []]


def _scaling(config: Mapping[str, Any], name: str) -> float:
    """Return alpha / r of an original adapter config."""
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if type(rank) is not int or rank < 1 or not isinstance(alpha, int | float):
        raise StoreError(f"lorashare store: adapter {name} lacks r and lora_alpha")
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        raise StoreError(f"lorashare store: adapter {name} has patterns of rank or alpha; use PEFT")
    return float(alpha) / (rank**0.5 if config.get("use_rslora") else rank)


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(n) is int for n in value)  # noqa: PLR2004 - a matrix


def open_adapters(path: Path | str, *, vlora_scaling: float | None = None) -> list[AdapterSource]:
    """Return the adapters at a path: a PEFT adapter, a folder of them, or another tool's store.

    Args:
        path: Where to look.
        vlora_scaling: alpha / r of the adapters in a vlora-dev store, which lacks it.

    Raises:
        StoreError: There are none, or they are refused.
    """
    path = Path(path)
    if (path / LORASHARE_FILE).is_file():
        return list(open_lorashare(path))
    if not (path / VLORA_FILE).is_file():
        return list(find_adapters(path))
    if vlora_scaling is None:
        raise StoreError(f"{path}: vlora-dev keeps no alpha; say what alpha / r was")
    return list(open_vlora(path, scaling=vlora_scaling))
