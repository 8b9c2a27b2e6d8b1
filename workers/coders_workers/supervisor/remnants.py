"""Processes of a session's earlier attempts that outlived their agent: daemons, mostly.

They are known by the environment that every agent hands down, never by their names. Only what
carries the session's id and the number of another attempt is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


def end(session_id: str, current: int) -> int:
    """SIGKILL what still runs of attempts before ``current``; how many."""
    count = 0
    mark = f"CODERS_SESSION_ID={session_id}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended, or another user's
        if mark not in words or not _earlier(words, current):
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)
            count += 1
    if count:
        log.warning("remnants_ended", session=session_id, attempt=current, count=count)
    return count


def _earlier(words: list[bytes], current: int) -> bool:
    numbers = [word.partition(b"=")[2] for word in words if word.startswith(b"CODERS_ATTEMPT=")]
    return any(number.isdigit() and int(number) < current for number in numbers)
