"""What a tool's hooks tell: a file each, in a directory of the attempt's.

A file appears under its name when it is complete; names sort by time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from coders_workers.watchers.tail import read_bounded

#: What two times of a directory may lie apart and be the same, nanoseconds.
_TICK = 50_000_000


class HookFiles:
    """One attempt's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._changed = -1
        self._seen: set[str] = set()

    def new(self) -> list[bytes]:
        """What has come since, oldest first."""
        try:
            changed = self._directory.stat().st_mtime_ns
            if changed == self._changed:
                return []
            names = sorted(os.listdir(self._directory))  # noqa: PTH208 - names are all it takes
        except OSError:
            return []
        # a second file may come within the same tick of the file system's clock
        self._changed = changed if time.time_ns() - changed > _TICK else -1
        fresh = [name for name in names if name not in self._seen and not name.startswith(".")]
        self._seen.update(fresh)
        found = (read_bounded(self._directory / name) for name in fresh)
        return [told for told in found if told is not None]
