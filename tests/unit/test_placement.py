"""What a session that waits is told it waits for."""

from __future__ import annotations

from coders_queue.models.admission import Admission, LimitUse, Standing, Turn
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.placement import Room, capacity_of, standings

NOW = 1_700_000_000.0
FREE = {"a": Room(capacity=5, live=0)}
FULL = {"a": Room(capacity=5, live=5)}


def record(session_id: str, due_at: float | None = None, **changes: object) -> SessionRecord:
    given = {"agent": "shell", "argv": ("true",), "workspace": DirectoryWorkspace(path="/")}
    spec = SessionSpec.model_validate(given | changes)
    return SessionRecord(
        id=session_id, state=State.QUEUED, spec=spec, created_at=NOW - 9, due_at=due_at
    )


def turn(
    owner: str, *sessions: str, at: float = 0.0, weight: float = 1.0, priority: int = 5
) -> Turn:
    return Turn(priority=priority, owner=owner, at=at, weight=weight, sessions=sessions)


def told(
    *records: SessionRecord, hosts: dict[str, Room] = FREE, **admission: object
) -> dict[str, Standing]:
    given: dict[str, object] = {"turns": (turn("ann", *(one.id for one in records)),)}
    return standings(Admission.model_validate(given | admission), records, hosts, NOW)


def test_positions_are_the_order_of_starts() -> None:
    """By priority, then by owners' turns, one over the weight apart."""
    turns = (
        turn("bob", "z", at=9.0, priority=1),
        turn("ann", "a1", "a2", "a3", at=1.0),
        turn("bob", "b1", "b2", at=1.2, weight=2.0),
    )
    every = [record(one) for one in ("a1", "a2", "a3", "b1", "b2", "z")]
    found = told(*every, turns=turns)
    assert sorted(found, key=lambda one: found[one].position or 0) == [
        *("z", "a1", "b1", "b2", "a2", "a3")
    ]


def test_a_full_limit_is_named() -> None:
    """With how many it counts; when it has room nobody can tell."""
    limits = {"few": LimitUse(limit=Limit(concurrency=2), used=2, ready_in=0)}
    [found] = told(record("x"), limits=limits).values()
    assert found == Standing(position=1, why="limit few is full (2 of 2)", expected_at=None)


def test_a_rate_says_when() -> None:
    """One after the other, as fast as it allows."""
    limits = {"slow": LimitUse(limit=Limit(rate=0.5), used=2, ready_in=1.5)}
    found = told(record("x"), record("y"), limits=limits)
    assert found["x"].why == "limit slow allows 0.5 starts a second"
    assert [found[one].expected_at for one in "xy"] == [NOW + 1.5, NOW + 3.5]


def test_a_used_up_quota_says_until_when() -> None:
    """And whose."""
    [found] = told(record("x"), exhausted={"shell": NOW + 60}).values()
    assert found.why.startswith("the quota of shell is used up until ")
    assert found.expected_at == NOW + 60


def test_hosts_that_are_away_or_full() -> None:
    """When one has room is told by the latest ends alone, if there were enough."""
    assert told(record("x"), hosts={})["x"].why == "no host is here"
    assert told(record("x", host="b"))["x"].why == "host b is not here"
    assert told(record("x", host="a"), hosts=FULL)["x"].why == "host a has no room"
    few = (NOW - 1, NOW - 4)
    assert told(record("x"), hosts=FULL, freed=few)["x"].expected_at is None
    many = tuple(NOW - 2 * number for number in range(1, 11))
    found = told(record("x"), record("y"), hosts=FULL, freed=many)
    assert found["x"] == Standing(position=1, why="no host has room", expected_at=NOW + 2)
    assert found["y"].expected_at == NOW + 4


def test_who_waits_for_a_time_has_no_position() -> None:
    """A restart's wait is told with its end; a message on its way as that."""
    due = told(record("x", due_at=NOW + 5), turns=())["x"]
    assert (due.position, due.expected_at) == (None, NOW + 5)
    assert told(record("x"), turns=())["x"].why == "its message has not arrived yet"
    assert told(record("x"))["x"] == Standing(
        position=1, why="its turn comes next", expected_at=None
    )


def test_a_host_without_a_word_takes_one() -> None:
    """Its capacity is what it says, or 1."""
    assert (capacity_of({}), capacity_of({"capacity": 7})) == (1, 7)
