"""The mark in the directory of an attempt that was ended because it was stuck.

``restart: WHY`` or ``stop: WHY`` in one line: whether the session is to go on in another attempt,
as its policy allows, or is over. Whoever reads the end tells by it that nobody cancelled it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FILE = "stuck"

Then = Literal["restart", "stop"]


@dataclass(frozen=True)
class StuckMark:
    """What the mark says."""

    why: str
    """What showed it, one line."""
    then: Then
    """Whether the session may go on."""


def write(directory: Path, mark: StuckMark) -> bool:
    """Leave it; False when there was one, which stays, or the attempt is gone."""
    try:
        descriptor = os.open(directory / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (FileExistsError, FileNotFoundError):
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as stream:
        stream.write(f"{mark.then}: {' '.join(mark.why.split())}\n")
    return True


def read(directory: Path) -> StuckMark | None:
    """What was left there; None when nothing was."""
    try:
        line = (directory / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    then, _, why = line.partition(":")
    # cut short by a crash, it still says that the end was ours; to end is the safer half
    return StuckMark(why.strip() or "it was stuck", "restart" if then == "restart" else "stop")
