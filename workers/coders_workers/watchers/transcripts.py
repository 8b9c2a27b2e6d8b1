"""The transcripts that a tool writes of one attempt, as they grow.

Which files they are is found again and again: a tool makes them when it has something to say. Where
a tool's conversations of all sessions lie together, only those count that the agent's own processes
hold open.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from coders_workers.attempt.processes import members
from coders_workers.supervisor import tool_files
from coders_workers.watchers.tail import Begin, Tail

#: Seconds between two searches: while there is none, and later.
_SOON, _LATER = 1.0, 30.0


class Transcripts:
    """Those of one attempt."""

    def __init__(
        self, patterns: Sequence[str], started_at: float, pid: int, *, own: bool, adopted: bool
    ) -> None:
        """``own``: the patterns name this attempt's files alone. ``adopted``: it has run for a
        while, so that the last that was written tells of it."""
        self._patterns = patterns
        self._started_at = started_at
        self._pid = pid
        self._own = own
        self._adopted = adopted
        self._tails: dict[Path, Tail] = {}
        self._search_at = 0.0
        self._first = True

    def lines(self, now: float) -> list[tuple[bytes, float | None]]:
        """New lines; of those that were there before, when the last of them was written."""
        if not self._patterns:
            return []
        found: list[tuple[bytes, float | None]] = []
        if now >= self._search_at:
            found += self._search(now)
        for tail in self._tails.values():
            found += [(line, None) for line in tail.lines()]
        return found

    def _search(self, now: float) -> list[tuple[bytes, float | None]]:
        found: list[tuple[bytes, float | None]] = []
        for path in self._files():
            if path in self._tails:
                continue
            tail = self._tails[path] = Tail(path, self._begin(path))
            # a file of an earlier attempt's tells nothing of this one
            before = [(line, tail.written) for line in tail.lines()]
            found += before if tail.written >= self._started_at - 1.0 else []
        self._first = False
        self._search_at = now + (_LATER if self._tails else _SOON)
        return found

    def _begin(self, path: Path) -> Begin:
        """What comes later is this attempt's from its first line on; a conversation that is gone
        on with was there before."""
        if not self._own:
            return "late"
        if not self._first:
            return "begin"
        fresh = not self._adopted or path.stat().st_mtime < self._started_at - 1.0
        return "end" if fresh else "late"

    def _files(self) -> list[Path]:
        held = None if self._own else _held_by(self._pid)
        if held is not None and not held:
            return []
        since = 0.0 if self._first and self._own else self._started_at
        return [
            path
            for path in tool_files.transcript_files(self._patterns, since)
            if path.suffix != ".json" and (held is None or str(path.resolve()) in held)
        ]


def _held_by(pid: int) -> set[str]:
    """Files that a process or one of its own holds open, by their real paths."""
    found = set()
    for one in members(pid):
        try:
            with os.scandir(f"/proc/{one}/fd") as entries:
                for entry in entries:
                    try:
                        found.add(str(Path(entry.path).readlink()))
                    except OSError:
                        continue
        except OSError:
            continue
    return found
