"""Where what is learned from a user's own code is kept; it never leaves the machine."""

from __future__ import annotations

import os
from pathlib import Path


def data_dir() -> Path:
    """Return SLEEPY_DATA, else XDG's data folder, else ~/.local/share/sleepy-coder."""
    if own := os.environ.get("SLEEPY_DATA"):
        return Path(own).expanduser()
    if xdg := os.environ.get("XDG_DATA_HOME"):
        return Path(xdg) / "sleepy-coder"
    return Path.home() / ".local" / "share" / "sleepy-coder"
