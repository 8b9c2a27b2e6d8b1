"""Processes that ended sessions left behind: daemons, mostly.

They are known by the environment that every agent hands down, never by their names, and only when
this host knows that the session has ended here. Programs of this project are nobody's remnants.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from coders_queue.models.record import SessionRecord
from coders_workers.cleanup import archives
from coders_workers.cleanup.finding import Finding
from coders_workers.supervisor.host import Host

_MARK = b"CODERS_SESSION_ID="
_OURS = b"coders_workers"
#: Seconds after a session's end in which what it left may still be about to end by itself.
_PATIENCE = 30.0


def find(host: Host, now: float) -> Iterator[Finding]:
    """Those of sessions that have ended on this host."""
    marked = [(pid, found) for pid in _pids() if (found := _session_of(pid)) is not None]
    records = host.store.get_many({session_id for _, session_id in marked})
    for pid, session_id in marked:
        if not _is_over(host, session_id, records.get(session_id), now):
            continue
        name = (_read(pid, "comm") or b"?").decode("utf-8", "replace").strip()
        yield Finding(
            "process", f"{name} (pid {pid})", f"left behind by session {session_id}", 0,
            partial(_end, pid, session_id),
        )  # fmt: skip


def _is_over(host: Host, session_id: str, record: SessionRecord | None, now: float) -> bool:
    if record is None:
        # long enough ago that its record has expired; that it was here, its archive says, and that
        # nothing of it is here any more
        gone = not (host.paths.sessions / session_id).exists()
        return gone and archives.last_of(host.paths.archive, session_id) is not None
    ran_on = record.outcome.host if record.outcome is not None else None
    return (
        record.state.ended
        and (ran_on or record.host) == host.name
        and record.ended_at is not None
        and now - record.ended_at > _PATIENCE
    )


def _pids() -> list[int]:
    own = os.getuid()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == own:
                found.append(int(process.name))
    return found


def _session_of(pid: int) -> str | None:
    environ = _read(pid, "environ") or b""
    if _MARK not in environ or _OURS in (_read(pid, "cmdline") or _OURS):
        return None
    marks = [word for word in environ.split(b"\0") if word.startswith(_MARK)]
    return marks[0][len(_MARK) :].decode("utf-8", "replace") if len(marks) == 1 else None


def _end(pid: int, session_id: str) -> str | None:
    """SIGKILL for it, if it is still the one that was found."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        if _session_of(pid) == session_id:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
    return None


def _read(pid: int, name: str) -> bytes | None:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return None  # ended, or not ours to look into
