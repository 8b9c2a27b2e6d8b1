"""Limits in memory: whom each counts, how far its rate is used, whose quota is used up."""

from __future__ import annotations

import math
from collections.abc import Mapping

from coders_queue.clock import Clock
from coders_queue.models.admission import LimitUse
from coders_queue.models.limit import Limit
from coders_queue.models.record import SessionRecord


class Limits:
    """The places that sessions have, and whether another may have one. Its owner locks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.limits: dict[str, Limit] = {}
        self.exhausted: dict[str, float] = {}
        self._counted: dict[str, set[str]] = {}
        self._used_up_to: dict[str, float] = {}
        #: The host on which a session has a place.
        self.places: dict[str, str] = {}

    def change(
        self, changes: Mapping[str, Limit | None], records: Mapping[str, SessionRecord]
    ) -> None:
        """Set limits, and remove those that are None; ``records`` of those that have a place."""
        for name, limit in changes.items():
            if limit is not None and limit == self.limits.get(name):
                continue
            self.limits.pop(name, None)
            self._counted.pop(name, None)
            self._used_up_to.pop(name, None)
            if limit is not None:
                self.limits[name] = limit
                self._counted[name] = {
                    one
                    for one, host in self.places.items()
                    if limit.counts(records[one].spec, host)
                }

    def on_host(self, host: str) -> int:
        """How many sessions have a place there."""
        return sum(there == host for there in self.places.values())

    def hindered(self, record: SessionRecord, host: str) -> float:
        """In how many seconds it may take a place on a host with room; infinite when somebody has
        to leave first."""
        now = self._clock()
        wait = max(0.0, self.exhausted.get(record.spec.account, 0.0) - now)
        for name, limit in self.limits.items():
            if limit.counts(record.spec, host):
                wait = max(wait, self._wait(name, limit))
        return wait

    def closed(self) -> float:
        """In how many seconds anybody at all may take a place, as far as limits on all tell."""
        return max(
            (self._wait(name, one) for name, one in self.limits.items() if one.counts_all),
            default=0.0,
        )

    def take(self, record: SessionRecord, host: str) -> None:
        """It has a place there."""
        now = self._clock()
        self.places[record.id] = host
        for name, limit in self.limits.items():
            if limit.counts(record.spec, host):
                self._counted[name].add(record.id)
                if limit.rate is not None:
                    used = max(now, self._used_up_to.get(name, 0.0))
                    self._used_up_to[name] = used + 1 / limit.rate

    def release(self, session_id: str) -> None:
        """It has none any more."""
        self.places.pop(session_id, None)
        for counted in self._counted.values():
            counted.discard(session_id)

    def uses(self) -> dict[str, LimitUse]:
        """Each limit and how far it is used."""
        return {
            name: LimitUse(
                limit=limit,
                used=len(self._counted[name]),
                ready_in=self._ready_in(name, limit),
            )
            for name, limit in sorted(self.limits.items())
        }

    def _wait(self, name: str, limit: Limit) -> float:
        full = limit.concurrency is not None and len(self._counted[name]) >= limit.concurrency
        return math.inf if full else self._ready_in(name, limit)

    def _ready_in(self, name: str, limit: Limit) -> float:
        if limit.rate is None:
            return 0.0
        now = self._clock()
        used = max(now, self._used_up_to.get(name, 0.0))
        return max(0.0, used - (limit.burst - 1) / limit.rate - now)
