"""The end of a file that grows: its new lines, each once, read in bounded bites.

The file may be the agent's own: it may shrink, vanish, or be something that blocks who opens it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

Begin = Literal["begin", "late", "end"]
#: What is read of a file that was there before, and at a time, bytes.
_BITE = 256 * 1024
#: A line longer than this is skipped, bytes.
_LONGEST = 8 * 1024 * 1024


def read_bounded(path: Path) -> bytes | None:
    """What a small file holds; None when it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return os.read(descriptor, _BITE)
    except OSError:
        return None
    finally:
        os.close(descriptor)


class Tail:
    """One file."""

    def __init__(self, path: Path, begin: Begin = "begin") -> None:
        """``begin``: with all that it holds, with the last of it, or with what comes."""
        self._path = path
        self._from = begin
        self._at = 0 if begin == "begin" else -1
        #: When it was last written to, as of the last look; epoch seconds.
        self.written = 0.0
        self._rest = b""
        self._skipping = False

    def lines(self) -> list[bytes]:
        """What was written since, as whole lines."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                return []
            self.written = about.st_mtime
            return self._lines(self._new(descriptor, about.st_size))
        except OSError:
            return []
        finally:
            os.close(descriptor)

    def _new(self, descriptor: int, size: int) -> bytes:
        if self._at < 0:
            self._begin(size - (_BITE if self._from == "late" else 0))
        if size < self._at:
            self._begin(0)  # it was written anew
        if size - self._at > 4 * _BITE:
            self._begin(size - _BITE)  # it writes faster than anybody could read
        data = os.pread(descriptor, _BITE, self._at)
        self._at += len(data)
        return data

    def _begin(self, at: int) -> None:
        """Go on elsewhere, within a line unless it is the begin of the file."""
        self._at, self._rest, self._skipping = max(0, at), b"", at > 0 and self._from != "end"

    def _lines(self, data: bytes) -> list[bytes]:
        *whole, rest = (self._rest + data).split(b"\n")
        if whole and self._skipping:
            del whole[0]
            self._skipping = False
        self._rest = rest
        if len(rest) > _LONGEST:
            self._rest, self._skipping = b"", True
        return [line for line in whole if line.strip()]
