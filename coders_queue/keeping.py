"""What is known of the processes that keep each other: whether they should run, and how often they
had to be started again.

Owns the files ``wanted`` and ``kept-<part>.json`` in the run directory. The command line reads them
when nobody is left who could be asked.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coders_queue.settings.paths import Paths

_WANTED = "wanted"
_KEPT = "kept-{}.json"


@dataclass(frozen=True)
class Kept:
    """How a part of the stack has been kept running since it was last asked to come up."""

    part: str
    """``worker``, ``beat`` or ``broker``."""
    restarts: int
    at: float
    """When it was started again last, epoch seconds."""
    gave_up: bool
    """Whether it is left alone now: it ended too often in a row."""
    cause: str
    """How it ended last, in one line."""

    def shown(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def want(paths: Paths) -> None:
    """From now on, what dies is started again."""
    forget(paths)
    (paths.run / _WANTED).touch(mode=0o600)


def unwant(paths: Paths) -> None:
    """From now on, nothing is started again."""
    (paths.run / _WANTED).unlink(missing_ok=True)


def wanted(paths: Paths) -> bool:
    """Whether what dies is to be started again."""
    return (paths.run / _WANTED).exists()


def note(paths: Paths, kept: Kept) -> None:
    """Write down how a part was kept."""
    place = _place(paths, kept.part)
    new = place.with_name(f".{place.name}.{os.getpid()}")
    new.write_text(json.dumps(kept.shown()) + "\n")
    new.replace(place)


def forget(paths: Paths) -> None:
    """Nothing had to be started again."""
    for place in paths.run.glob(_KEPT.format("*")):
        place.unlink(missing_ok=True)


def kept(paths: Paths) -> list[Kept]:
    """What was written down, by the parts' names. What cannot be read counts as nothing."""
    found = []
    for place in sorted(paths.run.glob(_KEPT.format("*"))):
        try:
            found.append(Kept(**json.loads(place.read_text())))
        except (OSError, ValueError, TypeError):
            continue
    return found


def _place(paths: Paths, part: str) -> Path:
    return paths.run / _KEPT.format(part)
