"""What the parsers of files have in common: their result and their complaint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: A key in parts, ``("broker", "url")``; an item of a list by its number.
KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Parsed:
    """Values, and the line (from 1) on which each key stands."""

    data: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    blocks: dict[KeyPath, int] = field(default_factory=dict)
    """Of each text that is written line by line below its key, its first line."""


class Malformed(Exception):
    """The text is not of its format. ``line`` counts from 1; None when nobody knows."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def duplicate(name: str, first: int | None, line: int) -> Malformed:
    """The complaint about a key given twice: one of the two would be lost in silence."""
    earlier = f" (first on line {first})" if first else ""
    return Malformed(f"the key {name!r} is given twice{earlier}", line)


def dotted(path: Iterable[str]) -> str:
    """A path as people write it; always one line."""
    return ".".join(part if part.isprintable() else ascii(part)[1:-1] for part in path)
