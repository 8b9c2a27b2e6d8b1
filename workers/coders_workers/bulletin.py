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


class Bulletin:
    """Follows the store's events on a thread of its own and wakes waiters."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._news = threading.Condition()
        #: How often each awaited session was in the news: session -> (waiters, events seen).
        self._awaited: dict[str, list[int]] = {}
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
        with self._news:
            self._news.notify_all()

    def wait(
        self,
        session_id: str,
        until: Callable[[SessionRecord], bool],
        timeout: float | None,
        changed: Callable[[SessionRecord], None] | None = None,
    ) -> SessionRecord | None:
        """Wait until the session's record is as asked; None when time runs out first.

        ``changed`` is called with each record looked at. Raises NotFound when it does not exist.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._news:
            entry = self._awaited.setdefault(session_id, [0, 0])
            entry[0] += 1
        try:
            while True:
                with self._news:
                    seen = entry[1]
                record = self._store.get(session_id)
                if record is None:
                    raise errors.NotFound(f"there is no session {session_id}")
                if changed is not None:
                    changed(record)
                if until(record):
                    return record
                with self._news:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        return None
                    # woken by an event, or after a while to look for itself: an event may be
                    # trimmed or lost with its server, the record is what counts
                    self._news.wait_for(
                        self._news_since(entry, seen), 5.0 if left is None else min(left, 5.0)
                    )
                if self._stopping.is_set():
                    raise errors.Unavailable("the worker is stopping", "try again in a moment")
        finally:
            with self._news:
                entry[0] -= 1
                if entry[0] == 0:
                    self._awaited.pop(session_id, None)

    def wait_change(self, record: SessionRecord, timeout: float) -> SessionRecord | None:
        """Wait until the session's state is another than the record's; None when time runs out."""
        return self.wait(record.id, lambda now: now.state is not record.state, timeout)

    def _news_since(self, entry: list[int], seen: int) -> Callable[[], bool]:
        return lambda: entry[1] != seen or self._stopping.is_set()

    def _follow(self) -> None:
        last: str | None = None
        while not self._stopping.is_set():
            try:
                if last is None:
                    last = self._store.last_event_id()
                    self._wake(None)
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
        with self._news:
            for session_id, entry in self._awaited.items():
                if sessions is None or session_id in sessions:
                    entry[1] += 1
            self._news.notify_all()
