"""A copy of the records of this host's sessions, for the time in which the store is away.

Kept a little late, off everybody's way: what changed a moment ago is read again and written to the
notebook. Whoever goes on from a copy that is late finds the truth on the disk: what runs, runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.record import SessionRecord
from coders_queue.store.base import Store
from coders_workers.local_store.notebook import Notebook

#: How long after a change a record is read again, seconds: short sessions are over by then.
_LATE = 1.0
#: Between two looks at the fleet's limits, seconds.
_LIMITS = 10.0


class Mirror:
    """The copy. Thread-safe; only :meth:`refresh` asks the store."""

    def __init__(self, host: str, notebook: Notebook) -> None:
        self._host = host
        self._notebook = notebook
        self._lock = threading.Lock()
        self._records = {record.id: record for record in notebook.records()}
        #: What the notebook has.
        self._written = set(self._records)
        #: What was changed, and when, on the monotonic clock.
        self._stale: dict[str, float] = {}
        self._limits: dict[str, Limit] = {}
        self._exhausted: dict[str, float] = {}
        self._limits_at = float("-inf")

    @property
    def records(self) -> list[SessionRecord]:
        """What is known of this host's sessions."""
        with self._lock:
            return list(self._records.values())

    @property
    def limits(self) -> dict[str, Limit]:
        """The fleet's limits."""
        with self._lock:
            return dict(self._limits)

    @property
    def exhausted(self) -> dict[str, float]:
        """Accounts by when their quota is renewed, epoch seconds."""
        with self._lock:
            return dict(self._exhausted)

    def saw(self, record: SessionRecord) -> None:
        """A whole record was read."""
        with self._lock:
            if self._is_ours(record):
                self._records[record.id] = record
            else:
                self._records.pop(record.id, None)

    def moved(self, session_id: str, attempt: int, changes: Mapping[str, Any]) -> None:
        """Its current attempt has come to another state."""
        with self._lock:
            known = self._records.get(session_id)
            if known is not None and known.attempt == attempt:
                self._records[session_id] = known.model_copy(update=dict(changes))

    def changed(self, session_id: str) -> None:
        """It was written to."""
        with self._lock:
            self._stale.setdefault(session_id, time.monotonic())

    def ended(self, session_id: str) -> None:
        """It is over: nothing of it is needed any more."""
        with self._lock:
            self._records.pop(session_id, None)
            if session_id in self._written:
                self._stale[session_id] = float("-inf")
            else:
                self._stale.pop(session_id, None)

    def changed_all(self, more: Iterable[str] = ()) -> None:
        """Nothing is sure of what is known."""
        with self._lock:
            for session_id in (*self._records, *more):
                self._stale[session_id] = float("-inf")

    def refresh(self, store: Store) -> None:
        """Read again what was changed, and write it down. Raises Unavailable."""
        now = time.monotonic()
        with self._lock:
            due = {one: at for one, at in self._stale.items() if now - at >= _LATE}
        kept: list[SessionRecord] = []
        gone: list[str] = []
        for session_id in due:
            record = store.get(session_id)
            if record is not None and self._is_ours(record):
                kept.append(record)
            elif session_id in self._written:
                gone.append(session_id)
        if kept or gone:
            self._notebook.keep(kept, gone)
        ours = {record.id: record for record in kept}
        self._written = (self._written | ours.keys()).difference(gone)
        with self._lock:
            self._records |= ours
            for session_id in due.keys() - ours.keys():
                self._records.pop(session_id, None)
            for session_id, at in due.items():
                if self._stale.get(session_id) == at:
                    del self._stale[session_id]
        if now - self._limits_at >= _LIMITS:
            self._limits_at = now
            found = store.admission()
            with self._lock:
                self._limits = {name: use.limit for name, use in found.limits.items()}
                self._exhausted = dict(found.exhausted)

    def _is_ours(self, record: SessionRecord) -> bool:
        if record.state is State.QUEUED:
            return record.only_host == self._host
        return record.state.on_host and record.host == self._host
