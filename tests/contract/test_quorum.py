"""Every store: successes of a group are counted as outcomes are written, and the rest is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from coders_queue.clock import ManualClock
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.quorum import Quorum
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store import rules
from coders_queue.store.base import Store
from coders_queue.store.connect import Client, connect
from coders_queue.store.keys import Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    with contextlib.closing(connect(redis_url)) as one:
        yield one


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    return RedisStore(request.getfixturevalue("client"))


def begin(store: Store, session_id: str, need: int = 2, group: str = "g") -> None:
    """A session of the group that runs."""
    spec = SessionSpec(
        agent="shell",
        argv=("true",),
        workspace=DirectoryWorkspace(path="/srv"),
        quorum=Quorum(group=group, need=need),
    )
    store.submit(session_id, spec, host="h")
    store.move(session_id, 1, State.STARTING)
    store.move(session_id, 1, State.RUNNING)


def end(store: Store, session_id: str, state: str = "succeeded") -> bool:
    cause = None if state == "succeeded" else Cause(kind="exit", message="m")
    outcome = Outcome(id=session_id, state=state, cause=cause)  # type: ignore[arg-type]
    return store.finish(session_id, 1, outcome)


def test_the_rest_is_told_once_enough_succeeded(store: Store) -> None:
    """Nobody is of the rest before; then all that live are, and the last of them ends it."""
    for name in "abcd":
        begin(store, name)
    end(store, "a")
    assert (store.quorum_rest("g"), store.quorums()) == ([], [])
    end(store, "b", "failed")
    assert store.quorum_rest("g") == []
    end(store, "c")
    assert (store.quorum_rest("g"), store.quorums()) == (["d"], ["g"])
    store.request_cancel("d", "no longer wanted")
    assert store.quorum_rest("g") == ["d"]
    end(store, "d", "cancelled")
    assert (store.quorum_rest("g"), store.quorums()) == ([], [])


def test_a_success_counts_once(store: Store) -> None:
    """An end that is told twice is counted once."""
    for name in "abc":
        begin(store, name)
    assert [end(store, "a") for _ in range(3)] == [True, False, False]
    assert store.quorum_rest("g") == []


def test_a_late_success_keeps_its_outcome(store: Store) -> None:
    """Who succeeds after the quorum, its end asked for or not, has succeeded."""
    for name in "abc":
        begin(store, name, need=1)
    end(store, "a")
    assert end(store, "b")
    store.request_cancel("c", "no longer wanted")
    assert end(store, "c")
    found = [store.get(name) for name in "abc"]
    assert [one and one.state for one in found] == [State.SUCCEEDED] * 3


def test_who_joins_late_is_of_the_rest(store: Store) -> None:
    """A quorum that was reached stays so, for those whose submission was still on its way."""
    begin(store, "a", need=1)
    end(store, "a")
    assert store.quorums() == []
    begin(store, "b", need=1)
    assert (store.quorum_rest("g"), store.quorums()) == (["b"], ["g"])


def test_groups_are_counted_apart(store: Store) -> None:
    """One group's successes are none of another's."""
    begin(store, "a", group="g")
    begin(store, "b", group="h")
    begin(store, "c", group="g")
    end(store, "a")
    end(store, "b")
    assert (store.quorum_rest("g"), store.quorum_rest("h")) == ([], [])


def test_one_that_never_had_a_host_leaves_its_group(store: Store) -> None:
    """A queued session that is cancelled is of no rest any more."""
    begin(store, "a", need=1)
    spec = SessionSpec(
        agent="shell",
        argv=("true",),
        workspace=DirectoryWorkspace(path="/srv"),
        quorum=Quorum(group="g", need=1),
    )
    store.submit("b", spec)
    end(store, "a")
    assert store.quorum_rest("g") == ["b"]
    store.request_cancel("b", "no longer wanted")
    assert (store.quorum_rest("g"), store.quorums()) == ([], [])


def test_of_many_that_end_at_once_each_counts(store: Store) -> None:
    """The quorum is reached by the one that makes it up, however many end together."""
    names = [f"s{number:02}" for number in range(20)]
    for name in names:
        begin(store, name, need=19)
    with ThreadPoolExecutor(19) as pool:
        assert all(pool.map(lambda name: end(store, name), names[:19]))
    assert store.quorum_rest("g") == names[19:]


def test_what_was_counted_goes_with_time(client: Client) -> None:
    """Nothing of a group stays in Redis for good once none lives; while one does, all stays."""
    store, keys = RedisStore(client), Keys()
    begin(store, "a", need=1)
    begin(store, "b", need=1)
    end(store, "a")
    assert client.ttl(keys.quorum("g")) == -1
    end(store, "b", "failed")
    assert 0 < client.ttl(keys.quorum("g")) <= rules.QUORUM
    assert not client.exists(keys.quorum_live("g"), keys.quorums)
    begin(store, "c", need=1)
    assert client.ttl(keys.quorum("g")) == -1


def test_memory_forgets_it_as_redis_does() -> None:
    """A name that is used again after that time begins anew."""
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    begin(store, "a", need=1)
    end(store, "a")
    clock.advance(rules.QUORUM)
    begin(store, "b", need=1)
    assert store.quorums() == []
