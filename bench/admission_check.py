"""Reads what happened from the event stream alone, and holds it against the limits by itself.

Knows the plan, the limits and the names of events; nothing of how the store decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.admission_plan import HOSTS, LIMITS, OWNERS, Planned
from coders_queue.models.event import Event

_ENDS = {"session.succeeded", "session.failed", "session.cancelled", "session.requeued"}
#: Event ids are whole milliseconds: two of them may be one nearer than what they stand for.
_ROUNDING = 0.001


@dataclass
class Findings:
    """What the events say."""

    over: list[str] = field(default_factory=list)
    """Each event after which more ran than a limit, or a host, allows."""
    most: Counter[str] = field(default_factory=Counter)
    """The most that ran at once, by limit and host."""
    too_fast: list[str] = field(default_factory=list)
    """Each start that a rate does not allow."""
    started: int = 0
    ended: int = 0
    straight: int = 0
    """Sessions that had a place when they were submitted."""
    fair_starts: Counter[str] = field(default_factory=Counter)
    """Starts by owner, while sessions of all owners waited."""

    @property
    def unfairness(self) -> float:
        """The largest difference between an owner's part of those starts and its share, as a part
        of that share."""
        whole = sum(self.fair_starts.values())
        weights = sum(OWNERS.values())
        return max(
            abs(self.fair_starts[owner] / whole - weight / weights) / (weight / weights)
            for owner, weight in OWNERS.items()
        )


def check(events: Sequence[Event], planned: Mapping[str, Planned]) -> Findings:
    """Go through all of it, in the order in which the server wrote it."""
    found = Findings()
    running: dict[str, str] = {}
    starts: dict[str, list[float]] = {name: [] for name in LIMITS}
    waiting: Counter[str] = Counter()
    queued: set[str] = set()
    for event in events:
        one = planned[event.session]
        owner = one.spec.owner
        if event.kind == "session.queued":
            waiting[owner] += 1
            queued.add(one.id)
        elif event.kind == "session.assigned":
            found.straight += one.id not in queued and event.attempt == 1
            found.started += 1
            if one.id in queued:
                if all(waiting[name] > 0 for name in OWNERS):
                    found.fair_starts[owner] += 1
                queued.remove(one.id)
                waiting[owner] -= 1
            running[one.id] = event.host or ""
            at = int(event.id.partition("-")[0]) / 1000
            for name in _counting(one, event.host or ""):
                starts[name].append(at)
        elif event.kind in _ENDS:
            if running.pop(one.id, None) is None:
                queued.discard(one.id)
                waiting[owner] -= 1
            if event.kind == "session.requeued":
                queued.add(one.id)
                waiting[owner] += 1
            else:
                found.ended += 1
        _look(found, event, running, planned)
    for name, times in starts.items():
        found.too_fast += _too_fast(name, times)
    return found


def _counting(one: Planned, host: str) -> Iterable[str]:
    for name, limit in LIMITS.items():
        label = dict([limit.label.split("=")]) if limit.label else {}
        if (
            limit.agent in (None, one.spec.agent)
            and limit.owner in (None, one.spec.owner)
            and limit.host in (None, host)
            and label.items() <= one.spec.labels.items()
        ):
            yield name


def _look(
    found: Findings, event: Event, running: Mapping[str, str], planned: Mapping[str, Planned]
) -> None:
    counts = Counter(
        name for session, host in running.items() for name in _counting(planned[session], host)
    )
    allowed = {
        name: limit.concurrency for name, limit in LIMITS.items() if limit.concurrency is not None
    }
    counts += Counter(f"host {host}" for host in running.values())
    allowed |= {f"host {host}": capacity for host, capacity in HOSTS.items()}
    for name, most in allowed.items():
        found.most[name] = max(found.most[name], counts[name])
        if counts[name] > most:
            found.over.append(f"{event.id}: {counts[name]} of {name}")


def _too_fast(name: str, times: Sequence[float]) -> Iterable[str]:
    """Starts that come before a bucket of ``burst``, refilled at ``rate``, has one for them."""
    limit = LIMITS[name]
    if limit.rate is None:
        return
    used_up_to = 0.0
    for at in times:
        used = max(at, used_up_to)
        if used - at > (limit.burst - 1) / limit.rate + _ROUNDING:
            yield f"{at}: {name}"
        used_up_to = used + 1 / limit.rate
