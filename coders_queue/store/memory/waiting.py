"""Who may go on in memory: turns and limits put together. Its owner locks, and has the records.

Turns are :mod:`coders_queue.store.memory.line`'s, places and limits are
:mod:`coders_queue.store.memory.limits`'.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from coders_queue.clock import Clock
from coders_queue.models.limit import Limit
from coders_queue.models.record import SessionRecord
from coders_queue.store import rules
from coders_queue.store.memory.limits import Limits
from coders_queue.store.memory.line import Line


class Waiting:
    """Those that wait, and the places they wait for."""

    def __init__(self, clock: Clock, records: Mapping[str, SessionRecord]) -> None:
        self._clock = clock
        self._records = records
        self.line = Line()
        self.limits = Limits(clock)
        #: When places became free, latest first.
        self.freed: list[float] = []

    def stand(self, record: SessionRecord) -> None:
        """It waits: for its turn, or for a time."""
        now = self._clock()
        due = record.due_at or 0.0
        self.line.leave(record.id)
        if record.id in self.limits.places or due > now:
            self.line.parked[record.id] = max(due, now)
        else:
            self.line.stand(record, self._labels())

    def end(self, record: SessionRecord) -> None:
        """It waits for nothing and has no place any more."""
        self.line.leave(record.id)
        self.limits.release(record.id)
        if record.host is not None:
            self.freed = [self._clock(), *self.freed][: rules.FREED]

    def change_limits(self, changes: Mapping[str, Limit | None]) -> None:
        """Set limits, remove those that are None."""
        before = self._labels()
        self.limits.change(changes, self._records)
        if self._labels() != before:
            self.line.again(self._records, self._labels())

    def full(self, host: str, capacity: int | None) -> bool:
        """Whether the host has no room."""
        return capacity is not None and self.limits.on_host(host) >= capacity

    def due(self, hosts: Mapping[str, int]) -> tuple[SessionRecord, str] | None:
        """One whose time has come and whose place was kept; others of its kind go into line."""
        now = self._clock()
        due = sorted((at, one) for one, at in self.line.parked.items() if at <= now)
        for _, session_id in due[: rules.PARKED]:
            place = self.limits.places.get(session_id)
            if place is None:
                self.stand(self._records[session_id])
            elif place in hosts:
                self.line.leave(session_id)
                return self._records[session_id], place
            else:
                self.line.parked[session_id] = now + rules.AGAIN
        return None

    def choose(self, hosts: Sequence[str], last: int = 9) -> tuple[SessionRecord, str] | None:
        """Whose turn it is up to a priority, and where; nobody has taken anything yet."""
        choices = self._choices(hosts, last)
        return next((one for one in choices if self.limits.hindered(*one) == 0), None)

    def soonest(self, hosts: Sequence[str]) -> float:
        """In how many seconds it may be somebody's, infinite when that depends on others."""
        parked = [at - self._clock() for at in self.line.parked.values()]
        if hosts and not self.line.empty and (closed := self.limits.closed()) > 0:
            waits = [closed]
        else:
            waits = [self.limits.hindered(*one) for one in self._choices(hosts, 9)]
        return max(0.0, min([*parked, *waits], default=math.inf))

    def free(self, hosts: Mapping[str, int]) -> list[str]:
        """Those that have room, the emptiest first."""
        loads = ((self.limits.on_host(host), host) for host in hosts)
        return [host for load, host in sorted(loads) if load < hosts[host]]

    def _choices(self, hosts: Sequence[str], last: int) -> Iterator[tuple[SessionRecord, str]]:
        for session_id in self.line.firsts(last):
            record = self._records[session_id]
            bound = record.only_host or record.spec.host
            yield from ((record, host) for host in hosts if bound in (None, host))

    def _labels(self) -> set[str]:
        """What limits ask for of labels."""
        return {one.label for one in self.limits.limits.values() if one.label is not None}
