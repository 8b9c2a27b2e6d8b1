"""The tool's own files that an adapter asks to see: the user's configuration, the transcripts.

Reads them, bounded; what they mean is the adapter's.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_CONFIG_LIMIT = 8 * 1024 * 1024
_TRANSCRIPT_LIMIT = 64 * 1024 * 1024
_ALL_LIMIT = 256 * 1024 * 1024
_TRANSCRIPTS = 64


def config(paths: Iterable[str]) -> dict[str, bytes]:
    """The contents of those that are there and readable."""
    found = {}
    for path in paths:
        content = _content(Path(path), _CONFIG_LIMIT)
        if content is not None:
            found[path] = content
    return found


def transcripts(patterns: Iterable[str], since: float) -> tuple[bytes, ...]:
    """The files written at or after ``since`` (epoch seconds), oldest first.

    A file larger than 64 MiB gives its end; of more than 256 MiB in all the oldest are left out.
    """
    contents: list[bytes] = []
    room = _ALL_LIMIT
    for path in reversed(transcript_files(patterns, since)):
        content = _content(path, _TRANSCRIPT_LIMIT)
        if content is None:
            continue
        room -= len(content)
        if room < 0:
            break
        contents.append(content)
    return tuple(reversed(contents))


def transcript_files(patterns: Iterable[str], since: float) -> tuple[Path, ...]:
    """Where those files are, the last 64 of them."""
    found = {}
    for pattern in patterns:
        for name in _named(pattern):
            try:
                about = Path(name).stat()
            except OSError:
                continue
            if stat.S_ISREG(about.st_mode) and about.st_mtime >= since - 1.0:
                found[Path(name)] = about.st_mtime
    return tuple(sorted(found, key=lambda path: (found[path], path))[-_TRANSCRIPTS:])


def _named(pattern: str) -> Iterator[str]:
    """What is there by that absolute pattern.

    ``**`` follows no link, as glob's own does: two that lead in a circle are enough to keep that
    busy for ever.
    """
    if pattern.endswith("/**"):
        pattern += "/*"
    head, recursive, tail = pattern.partition("/**/")
    found = glob.iglob(head, include_hidden=True)  # noqa: PTH207 - the pattern is absolute
    if not recursive:
        yield from found
        return
    for base in found:
        for place, _, _ in os.walk(base):
            yield from _named(f"{glob.escape(place)}/{tail}")


def _content(path: Path, limit: int) -> bytes | None:
    try:
        # the user, or the agent, may have put a FIFO there
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            size = file.seek(0, 2)
            file.seek(max(0, size - limit))
            return file.read(limit)
    except OSError:
        return None
