"""Every store under threads: of writers at once, exactly one is first."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from coders_queue import errors
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

T = TypeVar("T")

THREADS = 20
SPEC = SessionSpec(agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/srv"))


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with contextlib.closing(connect(request.getfixturevalue("redis_url"))) as client:
        yield RedisStore(client)


def at_once(action: Callable[[int], T]) -> list[T]:
    """What each of the threads got, all let go together."""
    gate = threading.Barrier(THREADS, timeout=10)

    def run(number: int) -> T:
        gate.wait()
        return action(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_one_assignment_wins(store: Store) -> None:
    """Of hosts that want the same session one gets it, and the record names that one."""
    store.submit("s", SPEC)
    answers = at_once(lambda number: store.assign("s", f"h{number}"))
    assert sorted(answers, key=str) == [1] + [None] * (THREADS - 1)
    record = store.get("s")
    assert record is not None
    assert record.host == f"h{answers.index(1)}"
    counts = store.live_count([f"h{number}" for number in range(THREADS)])
    assert sum(counts.values()) == 1


def test_one_submit_wins(store: Store) -> None:
    """Submitted many times at once, a session is written once and all see the same record."""
    answers = at_once(
        lambda number: store.submit("s", SPEC.model_copy(update={"owner": f"o{number}"}))
    )
    assert len({record.spec.owner for record in answers}) == 1
    assert [event.kind for event in store.events()] == ["session.queued"]


def test_one_name_wins(store: Store) -> None:
    """Of sessions with the same name one is written, the others leave nothing."""
    named = SPEC.model_copy(update={"name": "n"})

    def submit(number: int) -> str | None:
        try:
            return store.submit(f"s{number}", named).id
        except errors.Conflict:
            return None

    [winner] = [answer for answer in at_once(submit) if answer]
    assert [record.id for record in store.list()] == [winner]
    assert store.resolve("n") == winner


def test_one_end_wins(store: Store) -> None:
    """Finished many times at once, a session has the outcome of the one that was told so."""
    store.submit("s", SPEC, host="h")
    store.move("s", 1, State.STARTING)
    answers = at_once(
        lambda number: store.finish("s", 1, Outcome(id="s", state="failed", exit_code=number))
    )
    assert answers.count(True) == 1
    record = store.get("s")
    assert record is not None
    assert record.outcome is not None
    assert record.outcome.exit_code == answers.index(True)
    assert at_once(lambda number: store.settle("s")).count(True) == 1


def test_cancel_against_assign(store: Store) -> None:
    """A session cancelled while it is assigned is ended, or marked for the host; never neither."""
    for number in range(30):
        session_id = f"s{number}"
        store.submit(session_id, SPEC)
        gate = threading.Barrier(2, timeout=10)

        def cancel(session_id: str = session_id, gate: threading.Barrier = gate) -> None:
            gate.wait()
            store.request_cancel(session_id, "no")

        thread = threading.Thread(target=cancel)
        thread.start()
        gate.wait()
        attempt = store.assign(session_id, "h")
        thread.join(10)
        record = store.get(session_id)
        assert record is not None
        assert record.cancel_reason == "no"
        assert record.state is (State.CANCELLED if attempt is None else State.ASSIGNED)


def test_one_lease_holder(store: Store) -> None:
    """Of many that want a lease one has it."""
    answers = at_once(lambda number: store.acquire_lease("l", f"w{number}", 60))
    assert answers.count(True) == 1
    assert store.lease_holder("l") == f"w{answers.index(True)}"


def test_one_request_wins(store: Store) -> None:
    """Of request contexts delivered at once one is kept, with its own inputs."""
    store.submit("s", SPEC)
    answers = at_once(lambda number: store.attach_request("s", {"n": number}, inputs=[number]))
    record = store.get("s")
    assert record is not None
    assert answers.count(True) == 1
    assert (record.request, record.inputs) == ({"n": answers.index(True)}, (answers.index(True),))


def test_a_waiting_reader_is_woken(store: Store) -> None:
    """Somebody waiting for events gets one as it is written, not when the wait is over."""
    store.submit("s", SPEC)
    place = store.last_event_id()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.events, place, block=60)
        # written over and over, so that it does not matter when the reader began to wait
        deadline = time.monotonic() + 10
        while not waiting.done() and time.monotonic() < deadline:
            store.record_event("s", 0, "agent.idle")
            time.sleep(0.01)
        assert waiting.result(10)[0].kind == "agent.idle"


def test_waiting_in_vain_ends(store: Store) -> None:
    """A wait for events that do not come lasts as long as asked for, and brings nothing."""
    before = time.monotonic()
    assert store.events(store.last_event_id(), block=1.3) == []
    assert 1.3 <= time.monotonic() - before < 10


def test_a_host_is_never_overfilled(store: Store) -> None:
    """Of many placements at once a host takes as many as it has room for; the others wait."""
    for number in range(THREADS):
        store.submit(f"s{number}", SPEC)
    given = at_once(lambda number: store.assign(f"s{number}", "a", capacity=3))
    assert given.count(1) == 3
    straight = at_once(lambda number: store.submit(f"t{number}", SPEC, host="b", capacity=4))
    assert [record.state for record in straight].count(State.ASSIGNED) == 4
    assert store.live_count(["a", "b"]) == {"a": 3, "b": 4}
    waiting = {record.id for record in store.list() if record.state is State.QUEUED}
    assert set(store.queued()) == waiting


def test_who_waits_is_known_through_every_move(store: Store) -> None:
    """Sessions wait from their beginning, or their return to the queue, to their next host."""
    store.submit("one", SPEC)
    store.submit("two", SPEC)
    assert store.queued() == ["one", "two"]
    assert store.queued(limit=1) == ["one"]
    assert store.assign("one", "a") == 1
    assert store.queued() == ["two"]
    assert store.move("one", 1, State.QUEUED)
    assert store.queued() == ["one", "two"]
    store.request_cancel("one", "enough")
    assert store.queued() == ["two"]
    assert store.assign("two", "a") == 1
    assert store.finish("two", 1, Outcome(id="two", state="failed"))
    assert store.queued() == []
