"""Approvals on the server all hosts share: a hash each, and two indexes."""

from __future__ import annotations

import builtins

from pydantic import ValidationError

from coders_queue.clock import Clock
from coders_queue.models.approval import Approval
from coders_queue.store import codec, kinds
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door
from coders_queue.store.redis.scripts import source


class RedisShelf:
    """See :class:`~coders_queue.store.approvals.Shelf`."""

    def __init__(
        self, door: Door, names: Keys, clock: Clock, retention: float, max_events: int
    ) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        self._retention = retention
        self._max_events = max_events
        self._write = door.script(source("approval_write"))

    def read(self, approval_ids: builtins.list[str]) -> builtins.list[Approval]:
        """Those that are there, and that this version can read."""
        asked = [("HGET", self._keys.approval(one), "approval") for one in approval_ids]
        found = []
        for text in self._door.batch(asked) if asked else ():
            if text is None:
                continue
            try:
                found.append(Approval.model_validate_json(text))
            except ValidationError:
                continue  # a newer version's
        return found

    def write(self, approval: Approval, expect: int | None, current: str | None, kind: str) -> bool:
        """Keep it."""
        names, now = self._keys, self._clock()
        return bool(
            self._door.run(
                self._write,
                [
                    *(names.approval(approval.id), names.approvals, names.approvals_waiting),
                    *(names.approval_current(approval.session), names.events),
                ],
                [
                    *(approval.id, "" if expect is None else expect, approval.version),
                    # ASCII: surrogate escapes survive
                    codec.dumps(approval.model_dump(mode="json"), "the approval"),
                    *(codec.number(approval.since), "1" if approval.waits else "0"),
                    max(1, round(self._retention * 1000)),
                    *("*" if current is None else current, self._max_events),
                    *(approval.session, approval.attempt, kind, codec.number(now), approval.host),
                    codec.dumps(kinds.about_approval(approval), "the event's data"),
                    codec.number(now - self._retention),
                ],
            )
        )

    def current(self, session: str) -> str | None:
        """What its terminal asked last."""
        found = self._door.call("GET", self._keys.approval_current(session))
        return None if found is None else str(found)

    def ids(self, *, waiting: bool, limit: int | None = None) -> builtins.list[str]:
        """Ids by age."""
        last = -1 if limit is None else limit - 1
        if limit is not None and limit <= 0:
            return []
        if waiting:
            return list(self._door.call("ZRANGE", self._keys.approvals_waiting, 0, last))
        return list(self._door.call("ZREVRANGE", self._keys.approvals, 0, last))
