"""Reading what a tool wrote, of which nothing is promised: JSON lines, and values of any type.

What is not of the type that was hoped for is as good as missing. Nothing here raises.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def lines(data: bytes) -> Iterator[bytes]:
    """The lines that are not blank, stripped."""
    # only \n parts lines: a JSON text may hold other separators, which splitlines() would cut at
    for line in data.split(b"\n"):
        stripped = line.strip()
        if stripped:
            yield stripped


def event(line: bytes) -> dict[str, Any] | None:
    """A JSON object that says its ``type``; None for anything else."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("type"), str) else None


def text(value: Any) -> str | None:
    """A text, empty ones too."""
    return value if isinstance(value, str) else None


def mapping(value: Any) -> dict[str, Any]:
    """An object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list; an empty one for what is none."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A finite number."""
    # Python's JSON reads NaN and Infinity, too
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 2**63 else None


def integer(value: Any) -> int | None:
    """A whole number; the part before the point of another."""
    found = number(value)
    return None if found is None else int(found)


def count(value: Any) -> int:
    """A number of things; 0 for what is none."""
    return max(0, integer(value) or 0)


def money(value: Any) -> float | None:
    """An amount that is not negative."""
    found = number(value)
    return float(found) if found is not None and found >= 0 else None
