"""Log files that were put aside, when their time is over. The one being written is never one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from coders_workers.cleanup.finding import Finding, size_of
from coders_workers.supervisor.host import Host

_PUT_ASIDE = re.compile(r".+\.log\.[0-9]+")


def find(host: Host, now: float) -> Iterator[Finding]:
    """Those older than ``retention.logs``."""
    for path in host.paths.logs.iterdir():
        try:
            age = now - path.lstat().st_mtime
        except FileNotFoundError:
            continue  # put further aside just now
        if _PUT_ASIDE.fullmatch(path.name) and age > host.settings.retention.logs:
            why = f"last written {age / 86400:.0f} days ago"
            yield Finding("log", str(path), why, size_of(path), partial(_remove, path))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
