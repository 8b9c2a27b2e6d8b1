"""Groups of which so many successes are enough, in memory. Its owner locks, and has the records."""

from __future__ import annotations

from dataclasses import dataclass, field

from coders_queue.clock import Clock
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.store import rules


@dataclass
class _Group:
    alive: set[str] = field(default_factory=set)
    won: int = 0
    reached: bool = False
    until: float = float("inf")
    """When it is forgotten."""


class Quorums:
    """What was counted of every group."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: dict[str, _Group] = {}

    def join(self, record: SessionRecord) -> None:
        """The session has begun."""
        name = _name(record)
        if name is not None:
            group = self._group(name)
            group.alive.add(record.id)
            group.until = float("inf")

    def leave(self, record: SessionRecord, state: State) -> None:
        """The session has ended."""
        name, quorum = _name(record), record.spec.quorum
        if name is None or quorum is None:
            return
        group = self._group(name)
        group.alive.discard(record.id)
        if state is State.SUCCEEDED:
            group.won += 1
            group.reached = group.reached or group.won >= quorum.need
        if not group.alive:
            group.until = self._clock() + rules.QUORUM

    def rest(self, name: str) -> list[str]:
        """See :meth:`Store.quorum_rest`."""
        group = self._groups.get(name)
        return sorted(group.alive) if group is not None and group.reached else []

    def reached(self) -> list[str]:
        """See :meth:`Store.quorums`."""
        return sorted(name for name in self._groups if self.rest(name))

    def _group(self, name: str) -> _Group:
        for old in [old for old, one in self._groups.items() if one.until <= self._clock()]:
            del self._groups[old]
        return self._groups.setdefault(name, _Group())


def _name(record: SessionRecord) -> str | None:
    return None if record.spec.quorum is None else record.spec.quorum.group
