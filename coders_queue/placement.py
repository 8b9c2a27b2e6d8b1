"""What hosts take, and what a session that waits is waiting for. Pure: facts in, words out.

Who starts where is decided in the store, in one step; see :meth:`Store.admit`. This says what that
decision rests on, as far as it is known now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coders_queue.models.admission import Admission, LimitUse, Standing
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord

#: So many places must have become free lately for a guess at when the next one does.
_ENDS_TOLD_BY = 5


@dataclass(frozen=True)
class Room:
    """A host and how full it is."""

    capacity: int
    live: int


def capacity_of(info: Mapping[str, Any]) -> int:
    """How many live sessions a host of that description takes."""
    return int(info.get("capacity", 1))


def standings(
    admission: Admission,
    records: Iterable[SessionRecord],
    hosts: Mapping[str, Room],
    now: float,
) -> dict[str, Standing]:
    """What each queued session among ``records`` waits for, by id."""
    known = {record.id: record for record in records if record.state is State.QUEUED}
    order = _order(admission)
    found = {
        session_id: _standing(admission, record, order, hosts, now)
        for session_id, record in known.items()
    }
    return _with_rates(admission, known, order, found, now)


def _order(admission: Admission) -> dict[str, int]:
    """Positions from 1: each owner's turns come one over its weight apart."""
    turns = [
        (turn.priority, turn.at + number / turn.weight, turn.owner, number, session_id)
        for turn in admission.turns
        for number, session_id in enumerate(turn.sessions)
    ]
    return {one[-1]: position for position, one in enumerate(sorted(turns), 1)}


def _standing(
    admission: Admission,
    record: SessionRecord,
    order: Mapping[str, int],
    hosts: Mapping[str, Room],
    now: float,
) -> Standing:
    position = order.get(record.id)
    if position is None:
        if record.due_at is not None and record.due_at > now:
            why = f"its next attempt is not due before {_clock(record.due_at)}"
            return Standing(position=None, why=why, expected_at=record.due_at)
        return Standing(position=None, why="its message has not arrived yet", expected_at=None)
    until = admission.exhausted.get(record.spec.account)
    if until is not None:
        why = f"the quota of {record.spec.account} is used up until {_clock(until)}"
        return Standing(position=position, why=why, expected_at=until)
    bound = record.only_host or record.spec.host
    candidates = [name for name in hosts if bound in (None, name)]
    if not candidates:
        why = "no host is here" if bound is None else f"host {bound} is not here"
        return Standing(position=position, why=why, expected_at=None)
    limits = [_blocking(admission, record, host) for host in candidates]
    blocked = limits[0]
    if blocked is not None and None not in limits:
        return Standing(position=position, why=_full(*blocked), expected_at=None)
    if all(hosts[name].live >= hosts[name].capacity for name in candidates):
        return Standing(
            position=position,
            why="no host has room" if bound is None else f"host {bound} has no room",
            expected_at=_by_ends(admission.freed, position, now) if bound is None else None,
        )
    return Standing(position=position, why="its turn comes next", expected_at=None)


def _blocking(
    admission: Admission, record: SessionRecord, host: str
) -> tuple[str, LimitUse] | None:
    """A limit that has no room for it there, one that is full before one that is too fast."""
    counting = [
        (name, use) for name, use in admission.limits.items() if use.limit.counts(record.spec, host)
    ]
    full = [(name, use) for name, use in counting if _is_full(use)]
    return next(iter([*full, *((name, use) for name, use in counting if use.ready_in > 0)]), None)


def _is_full(use: LimitUse) -> bool:
    return use.limit.concurrency is not None and use.used >= use.limit.concurrency


def _full(name: str, use: LimitUse) -> str:
    if _is_full(use):
        return f"limit {name} is full ({use.used} of {use.limit.concurrency})"
    return f"limit {name} allows {use.limit.rate:g} starts a second"


def _with_rates(
    admission: Admission,
    records: Mapping[str, SessionRecord],
    order: Mapping[str, int],
    found: Mapping[str, Standing],
    now: float,
) -> dict[str, Standing]:
    """With the starts that rates allow, one after the other, in the order of their turns."""
    done = dict(found)
    for name, use in admission.limits.items():
        if use.limit.rate is None or use.ready_in <= 0 or _is_full(use):
            continue
        held = [one for one, what in found.items() if what.why == _full(name, use)]
        for number, session_id in enumerate(sorted(held, key=lambda one: order[one])):
            at = now + use.ready_in + number / use.limit.rate
            done[session_id] = found[session_id].model_copy(update={"expected_at": at})
    return done


def _by_ends(freed: Sequence[float], position: int, now: float) -> float | None:
    """If places go on becoming free as they did lately."""
    if len(freed) < _ENDS_TOLD_BY:
        return None
    return now + position * (now - freed[-1]) / len(freed)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")
