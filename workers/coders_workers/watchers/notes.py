"""What is to be told of activities: the latest of each attempt, written when the store can be had.

A thread of its own: a store that is away for minutes holds up no watch.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from coders_queue import errors, ids
from coders_queue.models.activity import Activity
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: Seconds after which what could not be told is tried again: the store away, or the start of the
#: attempt not confirmed yet.
_AGAIN = 1.0


@dataclass(frozen=True)
class _Note:
    activity: Activity
    tell: bool


class Notes:
    """Activities on their way to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[str, _Note] = {}
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notes", daemon=True)
        #: Whether the store was away at the last try.
        self.failing = False

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more; what is pending is found out anew by the next worker."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def put(self, ref: str, activity: Activity, *, tell: bool) -> None:
        """Have it written, instead of what was to be written of that attempt before."""
        with self._lock:
            before = self._pending.get(ref)
            self._pending[ref] = _Note(activity, tell or (before is not None and before.tell))
        self._news.set()

    def drop(self, ref: str) -> None:
        """The attempt is over."""
        with self._lock:
            self._pending.pop(ref, None)

    def flush(self) -> int:
        """Write what is pending; how many of them were not taken."""
        with self._lock:
            pending, self._pending = self._pending, {}
        left: dict[str, _Note] = {}
        for ref, note in pending.items():
            if self.failing and left:
                left[ref] = note  # one that waits for its time limit is enough
                continue
            if not self._write(ref, note):
                left[ref] = note
        with self._lock:
            for ref, note in left.items():
                newer = self._pending.get(ref)
                tell = note.tell or (newer is not None and newer.tell)
                self._pending[ref] = _Note(newer.activity if newer else note.activity, tell)
        return len(left)

    def _write(self, ref: str, note: _Note) -> bool:
        session_id, attempt = ids.parse_attempt_ref(ref)
        try:
            taken = self._store.note_activity(session_id, attempt, note.activity, tell=note.tell)
        except errors.Unavailable as error:
            if not self.failing:
                log.warning("activity_not_told", session=session_id, cause=str(error))
            self.failing = True
            return False
        except Exception:
            log.exception("activity_not_told", session=session_id)
            return True  # tried again it would fail again
        self.failing = False
        return taken

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            if self._stopping.is_set():
                return
            if self.flush():
                self._stopping.wait(_AGAIN)
                self._news.set()
