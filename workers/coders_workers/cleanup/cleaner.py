"""One cleanup of a host: everything that is found, removed or told of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import structlog

from coders_queue import errors
from coders_workers.cleanup import archives, attempts, logs, processes, terminals, worktrees
from coders_workers.cleanup.finding import Finding, Kept, Removed, Report
from coders_workers.supervisor.host import Host

log = structlog.get_logger(__name__)


class Cleaner:
    """Cleans a host. Asked for twice at once, the second waits and finds little."""

    def __init__(self, host: Host, presence: Callable[[], int | None]) -> None:
        """``host.store``: the fleet's; ``presence``: a number that is another after each time that
        the store was away, None while it is: a host alone does not know what has ended."""
        self._host = host
        self._presence = presence
        self._turn = threading.Lock()

    def clean(self, *, dry_run: bool = False) -> Report:
        """Remove what may go; with ``dry_run`` only say so.

        What cannot be removed is told, and keeps nothing else. Raises Unavailable without a store:
        nobody knows then what has ended.
        """
        with self._turn:
            presence = self._here()
            removed: list[Removed] = []
            kept: list[Kept] = []
            for finding in self._findings():
                if self._here() != presence:
                    break  # what was found may be of before: the next cleanup's
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

    def _here(self) -> int:
        presence = self._presence()
        if presence is None:
            raise errors.Unavailable(
                "the broker is away: nobody knows for sure what has ended",
                "clean up when it is back; see: coders status",
            )
        return presence

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
