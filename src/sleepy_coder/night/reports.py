"""What each night did: one JSON file a night, kept beside the model's versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sleepy_coder.errors import StoreError
from sleepy_coder.results import save_json
from sleepy_coder.versions import stores_dir, telling

SCHEMA_VERSION = 1
Outcome = Literal["promoted", "left", "waiting", "tried"]


@dataclass(frozen=True)
class PatternReport:
    """What became of a pattern.

    Attributes:
        outcome: `left` is tried and not better; `tried`, the same was tried in an earlier night.
        key: Of all that the outcome depends on; empty for a pattern that waits.
        details: Counts, the gate's ruling and the losses.
    """

    pattern: str
    outcome: Outcome
    reason: str
    num_new: int
    key: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NightReport:
    """What one night did.

    Attributes:
        parent: Number and hash of the store that it started from.
        config: Its settings.
        repairs: How many of all repairs were not learned from, and why.
        version: The new version, None where nothing was promoted.
        time: UTC, ISO 8601, of the start.
        seconds: Wall time.
    """

    model: str
    parent: int
    parent_sha256: str
    config: Mapping[str, Any]
    repairs: Mapping[str, int]
    patterns: tuple[PatternReport, ...]
    version: int | None
    time: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def save_night(report: NightReport) -> Path:
    """Write a night's report; return where it is."""
    path = _folder(report.model) / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"
    with telling(path.parent):
        save_json(report.to_json(), path)
    return path


def load_nights(model: str) -> list[NightReport]:
    """Return a model's nights, the oldest first.

    Raises:
        StoreError: A report is damaged, or of another version.
    """
    return [_load(path) for path in sorted(_folder(model).glob("*.json"))]


def _load(path: Path) -> NightReport:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw.pop("schema_version") != SCHEMA_VERSION:
            raise StoreError(f"{path}: is of another version of sleepy-coder; move it away")
        patterns = tuple(PatternReport(**each) for each in raw.pop("patterns"))
        return NightReport(patterns=patterns, **raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise StoreError(f"{path}: cannot be read as a night's report; move it away") from None


def _folder(model: str) -> Path:
    return stores_dir(model) / "nights"
