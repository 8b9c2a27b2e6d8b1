"""The services of a host, wired together."""

from __future__ import annotations

import time

from coders_queue import ids
from coders_queue.models.spec import SessionSpec
from coders_workers import attempt_dir
from coders_workers.supervisor.archiver import Archiver
from coders_workers.supervisor.deliver import Deliverer
from coders_workers.supervisor.due import DueStarts
from coders_workers.supervisor.finish import Finisher
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.pushing import Pusher
from coders_workers.supervisor.spawn import Spawner
from coders_workers.supervisor.stop import Stopper
from coders_workers.supervisor.sweep import Sweeper
from coders_workers.supervisor.watch import Watched

#: How many attempts one task archives: it is to be short.
_ARCHIVED_AT_ONCE = 16

#: The share of one core that sweeps may take when they are done again and again.
_SWEEP_SHARE = 0.02


class Supervisor:
    """What a host's tasks call. Every method may be called twice, at once, and late."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.watched = Watched(host.submit)
        self.finisher = Finisher(host)
        self.spawner = Spawner(host, self.finisher, self.watched)
        self.stopper = Stopper(host, self.finisher, self.watched)
        self.archiver = Archiver(host)
        self.sweeper = Sweeper(host, self.spawner, self.stopper, self.finisher, self.watched)
        self.due = DueStarts(host, self.spawner)
        self.deliverer = Deliverer(host)
        self.pusher = Pusher(host, self.watched.refs, self.deliverer)
        self._swept_at = float("-inf")
        self._rest = 0.0
        self.watched.ended = self._ended
        self.finisher.requeued = self.due.add

    def _ended(self, ref: str) -> None:
        session_id, attempt = ids.parse_attempt_ref(ref)
        self.finisher.finish(session_id, attempt)

    def preheat(self, session_id: str, spec: SessionSpec) -> None:
        """Get ready for a new session's first attempt while its record is still being written."""
        directory = attempt_dir.create(self.host.paths.sessions, session_id, 1)
        ref = ids.attempt_ref(session_id, 1)
        self.host.runtime.preheat(ref, directory, spec.columns, spec.rows)

    def forget(self, session_id: str) -> None:
        """Undo :meth:`preheat`: there will be no such session."""
        directory = self.host.attempt_path(session_id, 1)
        if directory.exists():
            self.host.runtime.abandon(ids.attempt_ref(session_id, 1), directory)
            attempt_dir.remove(directory)

    def spawn(self, session_id: str, attempt: int) -> bool:
        """Bring an attempt up."""
        return self.spawner.spawn(session_id, attempt)

    def stop(self, session_id: str, attempt: int) -> bool:
        """End an attempt."""
        return self.stopper.stop(session_id, attempt)

    def archive(self, session_id: str, attempt: int) -> bool:
        """Store what an attempt left, and what others did that are to be stored, too."""
        done = self.archiver.archive(session_id, attempt)
        for other in self.host.follow.also_archive(_ARCHIVED_AT_ONCE):
            self.archiver.archive(*other)
        return done

    def sweep(self, *, starting: bool = False) -> dict[str, int]:
        """Hold what runs against what should run."""
        if starting:
            attempt_dir.finish_removals(self.host.paths.sessions)
            counts = self.sweeper.sweep(patience=0.0)
            self.due.load()
            return counts
        began = time.thread_time()
        counts = self.sweeper.sweep()
        self._swept_at = self.host.steady()
        self._rest = (time.thread_time() - began) / _SWEEP_SHARE
        return counts

    def sweep_unless_done(self, within: float) -> dict[str, int]:
        """The same, unless it was done in the last ``within`` seconds, or so lately that many
        sessions would make it cost too much."""
        if self.host.steady() - self._swept_at < max(within, self._rest):
            return {}
        return self.sweep()

    def deadlines(self) -> int:
        """Stop what has run for longer than it may."""
        return self.stopper.enforce_deadlines()
