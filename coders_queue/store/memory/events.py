"""The event stream in memory: appended to by the sessions, followed by readers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from coders_queue.clock import Clock
from coders_queue.models.event import Event
from coders_queue.store import codec, rules


class EventLog:
    """The newest events, at most ``max_events``."""

    def __init__(self, lock: threading.Condition, clock: Clock, max_events: int) -> None:
        self._changed = lock
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=max_events)
        self._last = (0, 0)

    def append(
        self, session_id: str, attempt: int, kind: str, host: str | None, data: Mapping[str, Any]
    ) -> str:
        """Add one; its id."""
        kept = codec.through(dict(data), "the event's data")
        with self._changed:
            now = self._clock()
            milliseconds = max(int(now * 1000), self._last[0])
            sequence = self._last[1] + 1 if milliseconds == self._last[0] else 0
            self._last = (milliseconds, sequence)
            event = Event(
                id=f"{milliseconds}-{sequence}",
                session=session_id,
                attempt=attempt,
                kind=kind,
                at=now,
                host=host,
                data=kept,
            )
            self._events.append(event)
            self._changed.notify_all()
            return event.id

    def last_id(self) -> str:
        """The newest one's id."""
        with self._changed:
            return f"{self._last[0]}-{self._last[1]}"

    def ids(self) -> list[str]:
        """Those of all that are kept, oldest first."""
        with self._changed:
            return [event.id for event in self._events]

    def after(self, place: str, limit: int, block: float | None) -> list[Event]:
        """Those later than ``place``, waiting for one up to ``block`` seconds."""
        start = rules.event_place(place)
        deadline = time.monotonic() + (block or 0.0)
        with self._changed:
            while True:
                # the end of the stream is what a follower asks for: look from there
                found: list[Event] = []
                for event in reversed(self._events):
                    if rules.event_place(event.id) <= start:
                        break
                    found.append(event)
                remaining = deadline - time.monotonic()
                if found or remaining <= 0:
                    return found[::-1][:limit]
                self._changed.wait(remaining)
