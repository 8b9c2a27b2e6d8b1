"""A file of an attempt's own, written whole or not at all, for nobody else to read.

The agent can write in its directory, too: what is read may be a link, a FIFO, or without end.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from coders_queue import errors


def write(directory: Path, name: str, content: bytes, *, sync: bool = False) -> None:
    """Write ``name`` below the attempt's directory, with mode 0600. Raises SpawnError when a link
    would lead it elsewhere."""
    target = Path(directory, name)
    if target.parent != directory:  # that itself is not made again once it is removed
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(directory.resolve()):
        # through a link of an overlay it would be written over a file of the user's
        raise errors.SpawnError(
            f"{name} would be written outside of the session's own directory",
            f"a link leads from there to {target.parent.resolve()}",
        )
    # a name of its own, which no entry of the user's shown beside it can have
    descriptor, temporary = tempfile.mkstemp(prefix=".coders-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path, limit: int) -> bytes | None:
    """What it holds; None when there is no such file, or what is there is none, or larger."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            content = stream.read(limit + 1)
        except OSError:
            return None
    return content if len(content) <= limit else None
