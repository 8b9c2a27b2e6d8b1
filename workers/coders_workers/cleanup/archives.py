"""Archives whose time is over."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from coders_workers import archive_manifest, dirlock
from coders_workers.cleanup.finding import Finding, size_of
from coders_workers.supervisor.host import Host

#: The longest an archiver of the same session is waited for, seconds.
_PATIENCE = 5.0


def find(host: Host, now: float) -> Iterator[Finding]:
    """Those of sessions that have ended, older than ``retention.archives``."""
    limit = now - host.settings.retention.archives
    old = [(place, at) for place, at in stored(host.paths.archive) if at < limit]
    records = host.store.get_many({place.parent.name for place, _ in old})
    for place, at in old:
        record = records.get(place.parent.name)
        if record is None or record.state.ended:
            why = f"archived {(now - at) / 86400:.0f} days ago"
            yield Finding("archive", str(place), why, size_of(place), partial(_remove, place))


def stored(root: Path) -> Iterator[tuple[Path, float]]:
    """Every archive, and when it was made; what a crash left of one, or found damaged, too."""
    for place in root.glob("*/*/*"):
        try:
            file = place / archive_manifest.MANIFEST
            yield place, (file if file.exists() else place).stat().st_mtime
        except OSError:
            continue


def last_of(root: Path, session_id: str) -> float | None:
    """When the session's newest archive was made."""
    times = []
    for place in (root / session_id[:2] / session_id).glob("*/" + archive_manifest.MANIFEST):
        with contextlib.suppress(OSError):
            times.append(place.stat().st_mtime)
    return max(times, default=None)


def _remove(place: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError), dirlock.hold(place.parent, _PATIENCE):
        # its manifest first: an archive half gone must not pass for one
        (place / archive_manifest.MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(place)
        with contextlib.suppress(OSError):
            place.parent.rmdir()
            place.parent.parent.rmdir()
    return None
