"""Versions of the agents' programs, and what an adapter knows by range of them.

Compares as npm and PyPI do for releases; what a version's program does is the adapters'.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import total_ordering
from typing import Generic, TypeVar

T = TypeVar("T")

#: What npm and PyPI call one exact version; safe as a file's name.
_EXACT = re.compile(r"[0-9][0-9A-Za-z.+_-]{0,63}\Z")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:[-.+]?([0-9A-Za-z][0-9A-Za-z.+_-]*))?\Z")


@total_ordering
@dataclass(frozen=True)
class Version:
    """``2.1.197``, ``0.61.0-nightly.3``: numbers, and a pre-release that comes before them."""

    numbers: tuple[int, ...]
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises ValueError for what is no version."""
        match = _VERSION.match(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a version")
        numbers = [int(part) for part in match[1].split(".")]
        while len(numbers) > 1 and numbers[-1] == 0:
            numbers.pop()
        return cls(tuple(numbers), match[2] or "")

    def __lt__(self, other: Version) -> bool:
        if self.numbers != other.numbers:
            return self.numbers < other.numbers
        # a pre-release comes before its release
        return (not self.pre, self.pre) < (not other.pre, other.pre)


def parse(text: str | None) -> Version | None:
    """The version, or None for none and for what is not one."""
    if text is None:
        return None
    try:
        return Version.parse(text)
    except ValueError:
        return None


def is_exact(text: str) -> bool:
    """Whether it is one version, not a range or a tag, and nothing but one."""
    return _EXACT.match(text) is not None


class Ranges(Generic[T]):
    """Data that holds from a version on, until the next one's.

    ``Ranges(("0", OLD), ("2.1", NEW))``: ``OLD`` before 2.1, ``NEW`` from it on. A version that
    nobody knows gets the newest.
    """

    def __init__(self, first: tuple[str, T], *more: tuple[str, T]) -> None:
        parts = [(Version.parse(since), data) for since, data in (first, *more)]
        if [since for since, _ in parts] != sorted({since for since, _ in parts}):
            raise ValueError("ranges must be in order, each from a version of its own")
        self._parts = parts

    def get(self, version: str | None) -> T:
        """What holds for that version."""
        wanted = parse(version)
        if wanted is None:
            return self._parts[-1][1]
        chosen = self._parts[0][1]
        for since, data in self._parts:
            if since <= wanted:
                chosen = data
        return chosen


def nearest(version: str, tested: Sequence[str]) -> str | None:
    """Of the tested versions the one that an untested version most resembles.

    The newest that is not newer than it, else the oldest; None when none was tested.
    """
    ordered = sorted(tested, key=Version.parse)
    wanted = parse(version)
    if wanted is None or not ordered:
        return ordered[-1] if ordered else None
    older = [one for one in ordered if Version.parse(one) <= wanted]
    return older[-1] if older else ordered[0]


def untested(name: str, version: str | None, tested: Sequence[str]) -> str | None:
    """What to say of running that version, in one line; None when it was tested, or none was."""
    if not tested or version in tested:
        return None
    if version is None:
        return f"which version of {name} this is cannot be told; it is taken for {tested[-1]}"
    return (
        f"{name} {version} is not a version that coders was tested with; "
        f"going on as with {nearest(version, tested)}"
    )
