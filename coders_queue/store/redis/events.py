"""The event stream: appended to by the scripts, followed here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from coders_queue import errors
from coders_queue.clock import Clock
from coders_queue.models.event import Event
from coders_queue.store import codec, rules
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door
from coders_queue.store.redis.scripts import Scripts

#: The longest single wait for an event, seconds: a lost server is noticed after that.
SLICE = 1.0


class Events:
    """The stream of one installation."""

    def __init__(self, door: Door, names: Keys, scripts: Scripts, clock: Clock) -> None:
        self._door = door
        self._keys = names
        self._scripts = scripts
        self._clock = clock
        limit = door.socket_timeout
        # the server answers before the socket's time limit takes it for dead
        self._slice = SLICE if limit is None else min(SLICE, limit / 2)

    def record(
        self, session_id: str, attempt: int, kind: str, data: Mapping[str, Any] | None
    ) -> str:
        """See :meth:`Store.record_event`."""
        text = codec.dumps(dict(data or {}), "the event's data")
        return self._scripts.record_event(session_id, self._clock(), attempt, kind, text)

    def last_id(self) -> str:
        """See :meth:`Store.last_event_id`."""
        found = self._door.call("XREVRANGE", self._keys.events, "+", "-", "COUNT", 1)
        return str(found[0][0]) if found else "0-0"

    def after(self, place: str, limit: int, block: float | None) -> list[Event]:
        """See :meth:`Store.events`."""
        rules.event_place(place)
        if limit <= 0:
            return []
        deadline = time.monotonic() + (block or 0.0)
        while True:
            remaining = deadline - time.monotonic()
            wait: tuple[str | int, ...] = ()
            if remaining > 0:
                wait = ("BLOCK", max(1, round(min(remaining, self._slice) * 1000)))
            answer = self._door.call(
                "XREAD", "COUNT", limit, *wait, "STREAMS", self._keys.events, place
            )
            if answer or remaining <= 0:
                return [_event(*entry) for _, entries in answer or () for entry in entries]


def _event(event_id: str, fields: Mapping[str, str]) -> Event:
    try:
        return Event(
            id=event_id,
            session=fields["session"],
            attempt=int(fields["attempt"]),
            kind=fields["kind"],
            at=float(fields["at"]),
            host=fields["host"] or None,
            data=json.loads(fields["data"]),
        )
    except (KeyError, ValueError) as error:
        raise errors.Conflict(
            f"the event {event_id} was written by another version of coders: {error!r}",
            "upgrade coders-queue here to the version that wrote it",
        ) from None
