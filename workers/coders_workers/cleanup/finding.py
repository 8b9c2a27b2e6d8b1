"""What a cleanup found, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coders_queue.models.base import Model

Kind = Literal["archive", "worktree", "attempt", "log", "terminal", "process"]


@dataclass(frozen=True)
class Finding:
    """Something that may go."""

    kind: Kind
    what: str
    """Its path, or its name."""
    why: str
    size: int
    """Bytes that its removal frees."""
    remove: Callable[[], str | None]
    """Does it, whoever else is at it; why it stays after all, None when it is gone."""
    stays: str | None = None
    """Why it is kept, though its time is over."""


class Removed(Model):
    """Something that went, or would go."""

    kind: Kind
    what: str
    why: str
    bytes: int


class Kept(Model):
    """Something whose time is over and that stays."""

    kind: Kind
    what: str
    why: str


class Report(Model):
    """What a cleanup did, or would do."""

    dry_run: bool
    removed: tuple[Removed, ...] = ()
    kept: tuple[Kept, ...] = ()
    bytes: int = 0
    """Freed, all together."""


def size_of(path: Path) -> int:
    """Bytes that a file or directory takes on its disk. What goes meanwhile counts as nothing."""
    total = 0
    pending = [path]
    while pending:
        place = pending.pop()
        try:
            total += place.lstat().st_blocks * 512
            if place.is_dir() and not place.is_symlink():
                pending += [Path(entry.path) for entry in os.scandir(place)]
        except OSError:
            continue
    return total
