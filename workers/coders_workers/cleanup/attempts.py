"""Directories of attempts that nobody will ask for again.

Usually an attempt's directory goes when it is archived; this is for what could not be, and for what
a session's directory holds when its last attempt is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from coders_queue import ids
from coders_workers import attempt_dir
from coders_workers.cleanup.finding import Finding, size_of
from coders_workers.supervisor.host import Host

#: Seconds that a directory may be there before its session's record, or after its end.
_PATIENCE = 3600.0


def find(host: Host, now: float) -> Iterator[Finding]:
    """Of sessions that have ended: attempts older than any archive, and what they shared."""
    root = host.paths.sessions
    names = [path.name for path in root.iterdir() if ids.is_name(path.name)]
    records = host.store.get_many(set(names))
    attempts: dict[str, list[Path]] = {}
    for entry in attempt_dir.all(root):
        attempts.setdefault(entry.session_id, []).append(entry.path)
    for session_id in names:
        record = records.get(session_id)
        place = root / session_id
        if record is not None and not record.state.ended:
            continue
        paths = attempts.get(session_id, [])
        if not paths and _age(place, now) > _PATIENCE:
            remove = partial(_remove_session, root, session_id)
            yield Finding("attempt", str(place), "its session has ended", size_of(place), remove)
        for path in paths:
            over = host.runtime.ended(path) is not None
            begun = host.runtime.started(path) is not None
            if (over or not begun) and _age(path, now) > host.settings.retention.archives:
                why, remove = "its session is long gone", partial(_remove_attempt, path)
                yield Finding("attempt", str(path), why, size_of(path), remove)


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0


def _remove_session(root: Path, session_id: str) -> None:
    attempt_dir.remove_session(root, session_id)


def _remove_attempt(path: Path) -> None:
    attempt_dir.remove(path)
