"""Who lives: a look at the process of every attempt that is under watch.

A process is told by its number and the kernel's time of its start, as the launcher noted them: one
that got the same number later is another one. A zombie has ended, whether or not its end was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from coders_queue.models.heartbeat import Pulse
from coders_workers.attempt import files
from coders_workers.attempt.processes import stat_fields

_START = 19


class Census:
    """The processes of a host's attempts. Safe from any thread."""

    def __init__(
        self,
        refs: Callable[[], Iterable[str]],
        directory: Callable[[str], Path],
        progress: Callable[[], dict[str, float]] = dict,
    ) -> None:
        """``refs``: the attempts to count; ``progress``: when each was last seen to get on."""
        self._refs = refs
        self._directory = directory
        self._progress = progress
        self._known: dict[str, tuple[int, bytes]] = {}

    def pulses(self) -> dict[str, Pulse]:
        """The attempts whose process lives now, by their reference."""
        refs = set(self._refs())
        progress = self._progress()
        found = {}
        for ref in refs:
            process = self._process(ref)
            if process is not None and _lives(*process):
                found[ref] = Pulse(pid=process[0], progress_at=progress.get(ref))
        for ref in self._known.keys() - refs:
            self._known.pop(ref, None)
        return found

    def sees(self, ref: str) -> bool:
        """Whether the attempt's process lives now."""
        process = self._process(ref)
        return process is not None and _lives(*process)

    def _process(self, ref: str) -> tuple[int, bytes] | None:
        """Its number and its start, once there is one."""
        known = self._known.get(ref)
        if known is not None:
            return known
        try:
            words = (self._directory(ref) / files.STARTED).read_bytes().split()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if len(words) < 3:
            return None
        process = int(words[0]), words[2]
        self._known[ref] = process
        return process


def _lives(pid: int, born: bytes) -> bool:
    fields = stat_fields(pid)
    return fields is not None and fields[_START] == born and fields[0] not in (b"Z", b"X")
