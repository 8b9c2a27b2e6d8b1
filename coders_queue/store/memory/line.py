"""Those that wait, in memory: by priority, then by owner (start-time fair queuing), then by age.

As in the scripts, sessions that limits and hosts cannot tell apart form a line, of which only the
first is looked at. Its owner locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from coders_queue.models.admission import Turn
from coders_queue.models.record import SessionRecord
from coders_queue.store import codec, rules

#: Seconds from the creation, and the id: the order within a line.
Age = tuple[float, str]


@dataclass
class _Priority:
    """Those that wait at one priority."""

    clock: float = 0.0
    turns: dict[str, float] = field(default_factory=dict)
    over: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, set[Age]]] = field(default_factory=dict)


class Line:
    """Who waits, and whose turn it is."""

    def __init__(self) -> None:
        self._priorities: dict[int, _Priority] = {}
        self._places: dict[str, tuple[int, str, str, Age]] = {}
        #: Weights by owner, as they are stored.
        self.shares: dict[str, float] = {}
        #: When those that wait for a time are looked at.
        self.parked: dict[str, float] = {}

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._places

    @property
    def empty(self) -> bool:
        """Whether nobody waits for a turn."""
        return not self._priorities

    def stand(self, record: SessionRecord, labels: set[str]) -> None:
        """It waits for its turn; ``labels`` are those that limits ask for."""
        spec = record.spec
        owner = codec.encode_owner(spec.owner)
        own = sorted(f"{key}={value}" for key, value in spec.labels.items())
        line = "\n".join(
            (
                *(str(spec.priority), owner, codec.dumps(spec.agent, "the agent")),
                *(codec.encode_account(spec.account), record.only_host or spec.host or codec.ANY),
                *sorted(codec.dumps(one, "a label") for one in own if one in labels),
            )
        )
        level = self._priorities.setdefault(spec.priority, _Priority())
        age = (record.created_at, record.id)
        level.lines.setdefault(owner, {}).setdefault(line, set()).add(age)
        if owner not in level.turns:
            level.turns[owner] = max(level.clock, level.over.pop(owner, 0.0))
        self._places[record.id] = (spec.priority, owner, line, age)

    def leave(self, session_id: str) -> None:
        """It waits no more, neither for its turn nor for a time."""
        self.parked.pop(session_id, None)
        if session_id not in self._places:
            return
        priority, owner, line, age = self._places.pop(session_id)
        level = self._priorities[priority]
        lines = level.lines[owner]
        lines[line].discard(age)
        if lines[line]:
            return
        del lines[line]
        if lines:
            return
        del level.lines[owner]
        level.over[owner] = level.turns.pop(owner)
        if not level.turns:
            del self._priorities[priority]

    def charge(self, session_id: str) -> None:
        """It is having its turn: its owner's next comes later."""
        priority, owner, _, _ = self._places[session_id]
        level = self._priorities[priority]
        own = level.turns[owner]
        level.clock = max(own, level.clock)
        behind = level.clock - rules.CATCH_UP
        if own < behind:
            for other, at in level.turns.items():
                if at < behind:
                    level.turns[other] = min(level.clock, at + (behind - own))
            own = behind
        level.turns[owner] = own + 1 / self.shares.get(owner, 1.0)
        level.over = {one: at for one, at in level.over.items() if at > level.clock}

    def firsts(self, last: int = 9) -> Iterator[str]:
        """The first of each line, in the order of their turns, up to a priority."""
        for priority, level in sorted(self._priorities.items()):
            if priority <= last:
                for _, owner in sorted((at, owner) for owner, at in level.turns.items()):
                    lines = level.lines[owner]
                    firsts = sorted((min(ages)[0], line) for line, ages in lines.items())
                    yield from (min(lines[line])[1] for _, line in firsts)

    def turns(self, owner_of: Callable[[str], str]) -> tuple[Turn, ...]:
        """All of them; ``owner_of`` an id."""
        found = []
        for priority, level in sorted(self._priorities.items()):
            for at, owner in sorted((at, owner) for owner, at in level.turns.items()):
                ages = sorted(age for line in level.lines[owner].values() for age in line)
                found.append(
                    Turn(
                        priority=priority,
                        owner=owner_of(ages[0][1]),
                        at=at,
                        weight=self.shares.get(owner, 1.0),
                        sessions=tuple(session_id for _, session_id in ages),
                    )
                )
        return tuple(found)

    def again(self, records: Mapping[str, SessionRecord], labels: set[str]) -> None:
        """All stand anew, as limits tell them apart now, each owner's turn as it was."""
        for session_id, record in records.items():
            if session_id in self._places:
                self.leave(session_id)
                self.stand(record, labels)
