"""The backstop: hold what runs on this host against what should run, and mend the difference.

Called at the start, by a local timer, and by beat's task. Safe at any moment, any number of times.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from structlog.contextvars import clear_contextvars

from coders_queue import errors, ids
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_workers import attempt_dir
from coders_workers.supervisor.finish import Finisher
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.spawn import Spawner
from coders_workers.supervisor.stop import Stopper
from coders_workers.supervisor.watch import Watched

log = structlog.get_logger(__name__)

#: How long a spawn message is given to arrive before the sweep does its work, seconds.
SPAWN_PATIENCE = 2.0

#: How long an attempt's directory may be there before its record, seconds.
_PREHEATED = 60.0


class Sweeper:
    """Reconciles this host with the store."""

    def __init__(
        self,
        host: Host,
        spawner: Spawner,
        stopper: Stopper,
        finisher: Finisher,
        watched: Watched,
    ) -> None:
        self._host = host
        self._spawner = spawner
        self._stopper = stopper
        self._finisher = finisher
        self._watched = watched

    def sweep(self, *, patience: float = SPAWN_PATIENCE) -> dict[str, int]:
        """One pass; how many sessions were mended, by kind. ``patience`` is 0 at the start."""
        counts = dict.fromkeys(("adopted", "spawned", "finished", "stopped", "strays"), 0)
        records = {
            record.id: record for record in self._host.store.list(live=True, host=self._host.name)
        }
        for record in records.values():
            try:
                kind = self._mend(record, patience)
            except errors.Unavailable:
                raise
            except Exception:
                log.exception("sweep_failed", session=record.id, attempt=record.attempt)
                continue
            if kind is not None:
                counts[kind] += 1
        counts["strays"] = self._strays(records)
        clear_contextvars()  # this thread goes on with other duties
        if any(counts.values()):
            log.info("swept", **counts)
        return counts

    def _mend(self, record: SessionRecord, patience: float) -> str | None:
        host = self._host
        ref = ids.attempt_ref(record.id, record.attempt)
        if record.cancel_reason is not None and self._stopper.stop(record.id, record.attempt):
            # it may be over already, its end unseen
            if ref not in self._watched:
                self._finisher.finish(record.id, record.attempt)
            return "stopped"
        directory = host.attempt_path(record.id, record.attempt)
        if ref in self._watched:
            if record.state is State.STARTING and not self._is_new(record, patience):
                started = host.runtime.started(directory)
                if started is not None:
                    self._spawner.confirm(record, started)
            return None
        if record.state is State.ASSIGNED:
            if self._is_new(record, patience):
                return None
            host.submit(lambda: self._spawner.spawn(record.id, record.attempt))
            return "spawned"
        with host.turn(record.id, record.attempt):
            if ref in self._watched:
                return None
            self._watched.add(ref)
            if host.runtime.adopt(ref, directory, self._watched.on_end):
                started = host.runtime.started(directory)
                if started is not None and record.spec.timeout is not None:
                    age = started.age()
                    ran = host.clock() - started.at if age is None else age
                    self._watched.limit(ref, host.steady() + record.spec.timeout - ran)
                if record.state is State.STARTING and started is not None:
                    self._spawner.confirm(record, started)
                return "adopted"
            self._watched.drop(ref)
            if host.runtime.ended(directory) is not None:
                if record.spec.check:  # takes its time, which nobody else is to wait for
                    host.submit(lambda: self._finisher.finish(record.id, record.attempt))
                else:
                    self._finisher.finish(record.id, record.attempt)
                return "finished"
            if record.state is State.STARTING:
                # the worker died before the launcher had it: the same attempt, safely again
                self._spawner.spawn(record.id, record.attempt)
                return "spawned"
            self._finisher.finish_lost(record)
            return "finished"

    def _is_new(self, record: SessionRecord, patience: float) -> bool:
        """Whether what was sent for it may still be on its way. One that is of the future is not:
        the clock was set back since."""
        age = self._host.clock() - (record.assigned_at or record.created_at)
        return -patience < age < patience

    def _strays(self, live: dict[str, SessionRecord]) -> int:
        """Attempts on this machine that no live session of this host owns any more.

        ``live``: sessions of this host as they were a moment ago. What they own is no stray; of the
        rest the store is asked anew.
        """
        host = self._host
        count = 0
        found = [
            (session_id, attempt, path)
            for session_id, attempt, path in attempt_dir.all(host.paths.sessions)
            if session_id not in live or live[session_id].attempt != attempt
        ]
        # all at once, and read as lists are: one that a newer version wrote must not stop the rest
        records = host.store.get_many({session_id for session_id, _, _ in found})
        for session_id, attempt, path in found:
            ref = ids.attempt_ref(session_id, attempt)
            record = records.get(session_id)
            if (
                record is not None
                and record.attempt == attempt
                and record.host == host.name
                and record.state.on_host
            ):
                continue
            if record is None and host.clock() - _made(path) < _PREHEATED:
                continue  # its record may be on its way
            if host.runtime.ended(path) is None and host.runtime.started(path) is not None:
                if ref not in self._watched:
                    log.warning("stray_stopped", session=session_id, attempt=attempt)
                    self._watched.add(ref)
                    host.runtime.adopt(ref, path, self._watched.on_end)
                host.runtime.stop(ref, path, host.settings.session.grace)
                count += 1
            else:
                # archived already or not: what is left of a cut-short end is let go of there
                host.follow.archive(session_id, attempt)
        return count


def _made(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
