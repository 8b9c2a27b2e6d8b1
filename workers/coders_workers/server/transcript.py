"""What a session printed, live or from its archive, raw or as people like to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_workers import archive, recording
from coders_workers.server.station import Station

#: How long a session that has not started is waited for at a time, seconds.
_STEP = 2.0


class Transcript:
    """Reads recordings of this host's sessions."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def read(
        self,
        record: SessionRecord,
        *,
        follow: bool,
        raw: bool,
        attempt: int | None,
        gone: Callable[[], bool],
    ) -> Iterator[bytes]:
        """Chunks of what it printed; with ``follow`` until the session's attempt has ended."""
        if follow:
            while record.state in (State.QUEUED, State.ASSIGNED, State.STARTING) and not gone():
                record = self._wait_for_start(record)
        attempt = attempt or record.attempt
        if attempt < 1:
            return
        directory = self._directory(record, attempt)
        if directory is None:
            return
        chunks = recording.follow(directory, lambda: self._over(record, attempt, follow, gone))
        if raw or record.spec.mode == "interactive":
            yield from chunks
            return
        render = registry.get(record.spec.agent).render
        for line in _lines(chunks):
            shown = render(line)
            if shown is not None:
                yield shown

    def _wait_for_start(self, record: SessionRecord) -> SessionRecord:
        seen = self._station.bulletin.wait_change(record, _STEP)
        return seen or self._station.store.get(record.id) or record

    def _over(
        self, record: SessionRecord, attempt: int, follow: bool, gone: Callable[[], bool]
    ) -> bool:
        if not follow or gone():
            return True
        current = self._station.store.get(record.id)
        return current is None or current.attempt != attempt or current.state.ended

    def _directory(self, record: SessionRecord, attempt: int) -> Path | None:
        station = self._station
        live = station.host.attempt_path(record.id, attempt)
        if live.exists():
            return live
        stored = archive.location(station.host.paths.archive, record.id, attempt)
        if stored.exists():
            return stored
        if record.host not in (None, station.host.name):
            raise errors.Conflict(
                f"session {record.label} ran on host {record.host}, this is {station.host.name}",
                "run the command there",
            )
        return None


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, their ends included; what follows the last end comes as it is."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
