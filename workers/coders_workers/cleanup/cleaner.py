"""One cleanup of a host: everything that is found, removed or told of."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import structlog

from coders_queue import errors
from coders_workers.cleanup import archives, attempts, logs, processes, terminals, worktrees
from coders_workers.cleanup.finding import Finding, Kept, Removed, Report
from coders_workers.supervisor.host import Host

log = structlog.get_logger(__name__)


class Cleaner:
    """Cleans a host. Asked for twice at once, the second waits and finds little."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._turn = threading.Lock()

    def clean(self, *, dry_run: bool = False) -> Report:
        """Remove what may go; with ``dry_run`` only say so.

        What cannot be removed is told, and keeps nothing else. Raises Unavailable without a store:
        nobody knows then what has ended.
        """
        with self._turn:
            removed: list[Removed] = []
            kept: list[Kept] = []
            for finding in self._findings():
                stays = finding.stays or (None if dry_run else _remove(finding))
                if stays is not None:
                    kept.append(Kept(kind=finding.kind, what=finding.what, why=stays))
                    continue
                removed.append(
                    Removed(
                        kind=finding.kind, what=finding.what, why=finding.why, bytes=finding.size
                    )
                )
            total = sum(one.bytes for one in removed)
        if removed and not dry_run:
            log.info("cleaned", count=len(removed), bytes=total)
        return Report(dry_run=dry_run, removed=tuple(removed), kept=tuple(kept), bytes=total)

    def _findings(self) -> Iterator[Finding]:
        host, now = self._host, self._host.clock()
        # processes first: one that runs in a worktree keeps it
        yield from processes.find(host, now)
        yield from terminals.find(host)
        yield from attempts.find(host, now)
        yield from worktrees.find(host, now)
        yield from archives.find(host, now)
        yield from logs.find(host, now)


def _remove(finding: Finding) -> str | None:
    try:
        return finding.remove()
    except (OSError, errors.CodersError) as error:
        log.warning("not_cleaned", path=finding.what, cause=str(error))
        return f"it cannot be removed: {error}"
