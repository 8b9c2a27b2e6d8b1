"""Sessions of this host whose next attempt is to begin at a time: begun then, at once.

A thread that sleeps until the next of them. What it loses with its process is read from the store
again at the next start; what it cannot begin (no room, a limit), the queue places later. It counts
the seconds itself: a machine that sets its clock back by an hour makes nobody wait for an hour.
"""

from __future__ import annotations

import heapq
import threading
import time

import structlog

from coders_queue import errors
from coders_queue.clock import Clock
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_workers import attempt_dir, workspace
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.spawn import Spawner

log = structlog.get_logger(__name__)

#: Between two tries when the store is away or the host is full, seconds.
_AGAIN = 1.0
#: By how much another must be sooner than the one that is slept for, seconds.
_SOONER = 0.001


class DueStarts:
    """Begins attempts when they are due."""

    def __init__(self, host: Host, spawner: Spawner, steady: Clock = time.monotonic) -> None:
        """``steady`` tells seconds that no setting of the machine's clock moves."""
        self._host = host
        self._spawner = spawner
        self._steady = steady
        self._changed = threading.Condition()
        #: When it is due by the steady clock, the session, when that is by the machine's.
        self._due: list[tuple[float, str, float]] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="due", daemon=True)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def add(self, session_id: str, due_at: float) -> None:
        """Begin this session's next attempt at ``due_at``, epoch seconds. Twice is once."""
        at = self._steady() + due_at - self._host.clock()
        with self._changed:
            heapq.heappush(self._due, (at, session_id, due_at))
            self._changed.notify()

    def load(self) -> int:
        """Take up what an earlier worker of this host had to begin; how many."""
        count = 0
        waiting = self._host.store.queued()
        for record in self._host.store.get_many(waiting).values():
            if record.only_host == self._host.name:
                self.add(record.id, record.due_at or 0.0)
                count += 1
        return count

    def begin_due(self) -> float | None:
        """Begin what is due now; in how many seconds the next one is, None for never."""
        while True:
            with self._changed:
                if not self._due:
                    return None
                at, session_id, due_at = self._due[0]
                left = at - self._steady()
                if left > 0:
                    return left
                heapq.heappop(self._due)
            try:
                later = self._begin(session_id, due_at)
            except errors.Unavailable:
                later = self._host.clock() + _AGAIN
            except Exception:
                log.exception("restart_failed", session=session_id)
                later = None  # the queue places it
            if later is not None:
                self.add(session_id, later)

    def _begin(self, session_id: str, due_at: float) -> float | None:
        """Begin what was due then; when to try again, None for not at all."""
        host = self._host
        record = host.store.get(session_id)
        if record is None or record.state is not State.QUEUED:
            if record is not None and record.state.ended:
                self._let_go(record)
            return None
        if record.only_host not in (None, host.name):
            return None
        if record.due_at is not None and record.due_at > max(due_at, host.clock()):
            return record.due_at
        attempt = host.store.assign(
            session_id, host.name, capacity=host.settings.host.capacity, waited=True
        )
        if attempt is None:
            return host.clock() + _AGAIN
        host.submit(lambda: self._spawner.spawn(session_id, attempt))
        return None

    def _let_go(self, record: SessionRecord) -> None:
        """It was cancelled while it waited: its workspace is nobody's any more."""
        shared = attempt_dir.session_path(self._host.paths.sessions, record.id)
        prepared = workspace.recall(shared)
        if prepared is None:
            return
        left = workspace.conclude(prepared, keep=self._host.settings.workspace.keep)
        attempt_dir.remove_session(self._host.paths.sessions, record.id)
        log.info("workspace_left", session=record.id, path=left.path, kept=left.kept)

    def _run(self) -> None:
        while True:
            left = self.begin_due()
            with self._changed:
                if self._stopping:
                    return
                added = bool(self._due) and (
                    left is None or self._due[0][0] - self._steady() < left - _SOONER
                )
                if not added:
                    self._changed.wait(left)
                if self._stopping:
                    return
