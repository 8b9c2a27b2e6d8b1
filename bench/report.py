"""The tables of docs/explanation/performance.md, made of the results' JSON. Writes no prose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.result import RESULTS, ROOT

PAGE = ROOT / "docs" / "explanation" / "performance.md"
_BEGIN = "<!-- made by `python -m bench report` from bench/results: do not edit -->"
_END = "<!-- end of what is made -->"
_ORDER = (
    *("spawn", "burst", "exact", "chaos", "admission", "heartbeat", "watch"),
    *("restore", "faults", "soak", "chord", "merge", "mailbox", "rules"),
)
#: Results of which there is one a tool.
_TOOLS = ("live-*.json", "delivery-*.json")


def write() -> Path:
    """Replace what stands between the marks of the page; the page."""
    text = PAGE.read_text()
    before, rest = text.split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    made = "\n".join(_lines())
    PAGE.write_text(f"{before}{_BEGIN}\n\n{made}\n\n{_END}{after}")
    return PAGE


def _lines() -> Iterator[str]:
    tools = [file.stem for glob in _TOOLS for file in sorted(RESULTS.glob(glob))]
    names = (*_ORDER, *tools)
    found = [json.loads(file.read_text()) for name in names if (file := _file(name)).exists()]
    yield "| Bench | What | Demand | Measured | Met |"
    yield "|---|---|---|---|---|"
    for one in found:
        for bar in one["bars"]:
            met = "yes" if bar["met"] else "**no**"
            cells = (f"`{one['bench']}`", bar["what"], bar["demand"], bar["measured"], met)
            yield f"| {' | '.join(cells)} |"
    yield ""
    yield from _times(found)
    yield "| Bench | Date | Commit | Machine | Versions |"
    yield "|---|---|---|---|---|"
    for one in found:
        commit = one["commit"][:10] + (" and changes" if one["uncommitted_changes"] else "")
        yield (
            f"| `{one['bench']}` | {one['date']} | {commit} | {_machine(one['machine'])} "
            f"| {', '.join(f'{name} {number}' for name, number in one['versions'].items())} |"
        )


def _times(found: list[dict[str, Any]]) -> Iterator[str]:
    """Every distribution that was measured."""
    columns = ("count", "min", "p50", "p90", "p95", "p99", "max", "mean")
    yield f"| Times, ms | {' | '.join(columns)} |"
    yield "|---|" + "---:|" * len(columns)
    for one in found:
        for name, value in one["measured"].items():
            if isinstance(value, dict) and "p50" in value:
                cells = (f"{value[column]:g}" for column in columns)
                yield f"| `{one['bench']}`: {name.replace('_', ' ')} | {' | '.join(cells)} |"
    yield ""


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"{machine['cores']} x {machine['processor']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Linux {machine['kernel']}"
    )


def _file(name: str) -> Path:
    return RESULTS / f"{name}.json"
