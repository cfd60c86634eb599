"""Where what is learned from a user's own code is kept; it never leaves the machine."""

from __future__ import annotations

import os
from pathlib import Path

_OWNER_ONLY = 0o700  # it holds source code


def data_dir() -> Path:
    """Return SLEEPY_DATA, else XDG's data folder, else ~/.local/share/sleepy-coder."""
    if own := os.environ.get("SLEEPY_DATA"):
        return Path(own).expanduser()
    if xdg := os.environ.get("XDG_DATA_HOME"):
        return Path(xdg) / "sleepy-coder"
    return Path.home() / ".local" / "share" / "sleepy-coder"


def make_folder(path: Path) -> None:
    """Make a folder in the data folder, which nobody else may read if it is made on the way."""
    data_dir().mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
    path.mkdir(parents=True, exist_ok=True)
