"""What the Share library costs and keeps beside its peers."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from blocks.source import load_record
from sleepy_coder.report import markdown_table

_SHARE_KINDS = {
    "mean": "columns with a mean",
    "no-mean": "no mean",
    "common-init": "A from one common start",
}
_SHARE_TOOLS = {
    "ours": "ours",
    "ours, torch.mm": "ours, products by `torch.mm`",
    "ours, product objective": 'ours, objective "product"',
    "ours, 60 % variance": "ours, 60 % of the variance",
    "svd_lowrank (paper)": "the paper's `svd_lowrank` way, mean dropped",
    "vlora-dev": "vlora-dev 1.0.0",
    "vlora-dev, our bytes": "vlora-dev at no more bytes than ours (its k = 3)",
    "vlora-dev, 60 % variance": "vlora-dev, 60 % of the variance",
    "lorashare": "lorashare 0.1.3",
    "exact thin SVD (error only)": "exact thin SVD",
}


def render_share_init(target: str) -> str:
    """Return what phase 1 costs and loses beside its peers, for each kind of adapters."""
    found = [row for row in load_record("share_init.json")["rows"] if row["target"] == target]
    head = (None, "CPU s", "peak memory, MB", "stored, MB", "error of ΔW")
    rows: list[Sequence[object]] = []
    for kind, title in _SHARE_KINDS.items():
        of_kind = [row for row in found if row["kind"] == kind]
        if of_kind:
            rows.append((f"**{title}**", *[None] * (len(head) - 1)))
        for tool, name in _SHARE_TOOLS.items():
            own = [row for row in of_kind if row["tool"] == tool]
            if not own:
                continue
            cells = [name, _range(own, "cpu_s", ".2f"), _range(own, "peak_rss_mb", ",.0f")]
            cells.append(f"{own[0]['bytes'] / 1e6:,.0f}" if "bytes" in own[0] else "")
            rows.append((*cells, f"{own[0]['error']:.4f}"))
    return markdown_table(head, rows)


def _range(rows: Sequence[Mapping[str, Any]], key: str, form: str) -> str:
    """Return the smallest and the largest value, or the only one."""
    shown = [format(value, form) for value in sorted(row[key] for row in rows if key in row)]
    return " to ".join(dict.fromkeys((*shown[:1], *shown[-1:])))


def render_share_speeds(name: str = "share_init.json") -> str:
    """Return how many times as fast as others phase 1 is, by the median of the runs."""
    found = load_record(name)["rows"]
    others = ("svd_lowrank (paper)", "vlora-dev")
    rows = []
    for kind, title in _SHARE_KINDS.items():
        for tool in ("ours", "ours, product objective"):
            medians = {
                name: statistics.median(
                    row["cpu_s"]
                    for row in found
                    if (row["target"], row["kind"], row["tool"]) == ("full", kind, name)
                )
                for name in (tool, *others)
            }
            cells = [f"{medians[other] / medians[tool]:.1f}" for other in others]
            rows.append((f"{title}: {_SHARE_TOOLS[tool]}", *cells))
    return markdown_table(("times as fast as", "`svd_lowrank`", "vlora-dev"), rows)


def render_share_streaming() -> str:
    """Return what phase 1 costs with more and more adapters of one layer."""
    rows = [
        (f"{row['adapters']:,}", f"{row['cpu_s']:.2f}", f"{row['peak_rss_mb']:,.0f}")
        for row in load_record("share_init.json")["streaming"]
    ]
    return markdown_table(("adapters of one layer", "CPU s", "peak memory, MB"), rows, num_words=0)


def render_share_product() -> str:
    """Return what objective "product" costs and keeps beside "factors" and svd_lowrank."""
    record = load_record("share_product.json")
    head = ["adapters", "kind", "product, s", "factors, s", "svd_lowrank, s"]
    head += ["ΔW error: product", "factors"]
    rows = []
    for row in record["rows"]:
        cells = [row["target"], row["kind"]]
        cells += [f"{row[f'{side}_s'][0]:.2f}" for side in ("product", "factors", "svd_lowrank")]
        cells += [f"{row[f'{side}_error']:.4f}" for side in ("product", "factors")]
        rows.append(cells)
    return markdown_table(head, rows, num_words=2)
