"""The event log, followed once for the whole process: who waits for a session is woken here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from coders_queue import errors
from coders_queue.models.record import SessionRecord
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: How long one read of the log waits for news, seconds.
BLOCK = 1.0
#: How long a waiter trusts that there are no news, seconds.
_LOOK = 5.0
#: How often the log's end is looked at while nobody waits, seconds. Each entry would be read for
#: nobody, and in a rush there are many.
_IDLE = 0.25


class Bulletin:
    """Follows the store's events on a thread of its own and wakes waiters."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        #: Who waits for which session. Each has an event of its own: in a rush, hundreds wait, and
        #: news of one must not wake all.
        self._waiting: dict[str, set[threading.Event]] = {}
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="bulletin", daemon=True)
        #: Whether the last read of the log failed.
        self.broken = False

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no longer; waiters wake up and look for themselves."""
        self._stopping.set()
        self._wanted.set()
        self._wake(None)

    def wait(
        self, session_id: str, until: Callable[[SessionRecord], bool], timeout: float | None
    ) -> SessionRecord | None:
        """Wait until the session's record is as asked; None when time runs out first.

        Raises NotFound when it does not exist, Unavailable when the worker stops meanwhile.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        news = threading.Event()
        with self._lock:
            self._waiting.setdefault(session_id, set()).add(news)
            self._wanted.set()
        try:
            while True:
                news.clear()  # before the look: what comes after it is news
                record = self._store.get(session_id)
                if record is None:
                    raise errors.NotFound(f"there is no session {session_id}")
                if until(record):
                    return record
                if self._stopping.is_set():
                    raise errors.Unavailable("the worker is stopping", "try again in a moment")
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                # woken by an event, or after a while to look for itself: an event may be
                # trimmed or lost with its server, the record is what counts
                news.wait(_LOOK if left is None else min(left, _LOOK))
        finally:
            with self._lock:
                waiting = self._waiting[session_id]
                waiting.discard(news)
                if not waiting:
                    del self._waiting[session_id]
                if not self._waiting and not self._stopping.is_set():
                    self._wanted.clear()

    def wait_change(self, record: SessionRecord, timeout: float) -> SessionRecord | None:
        """Wait until the session's state is another than the record's; None when time runs out."""
        return self.wait(record.id, lambda now: now.state is not record.state, timeout)

    def _follow(self) -> None:
        last: str | None = None
        while not self._stopping.is_set():
            try:
                if last is None:
                    last = self._store.last_event_id()
                    self._wake(None)
                if not self._wanted.wait(_IDLE):
                    # whoever comes looks at the record first: what is older is no news to them
                    last = self._store.last_event_id()
                    self.broken = False
                    continue
                events = self._store.events(last, block=BLOCK)
            except errors.CodersError as error:
                if not self.broken:
                    log.warning("events_unavailable", cause=str(error))
                self.broken = True
                self._stopping.wait(0.5)
                continue
            self.broken = False
            for event in events:
                last = event.id
            if events:
                self._wake({event.session for event in events})

    def _wake(self, sessions: set[str] | None) -> None:
        """Wake who waits for these sessions; None: everybody."""
        with self._lock:
            for session_id in list(self._waiting) if sessions is None else sessions:
                for news in self._waiting.get(session_id, ()):
                    news.set()
