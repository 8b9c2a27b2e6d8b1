"""One suite for what every store keeps of rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coders_queue.clock import ManualClock
from coders_queue.models.firing import RuleFailure, RuleJob, RuleState
from coders_queue.models.spec import SessionSpec
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.keys import Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.broker)])
def store(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Store]:
    """Every store."""
    if request.param == "memory":
        yield MemoryStore(clock=clock, max_events=3)
        return
    redis = RedisStore(connect(request.getfixturevalue("redis_url")), clock=clock)
    yield redis
    redis.close()


def job(name: str, at: float) -> RuleJob:
    """Something to do."""
    return RuleJob(
        id=name, rule="r", kind="webhook", event="5-0", session="s", payload={"é": [1]}, at=at
    )


def test_a_rule_begins_once(store: Store) -> None:
    """Where it began it is found again, wherever the stream has got to."""
    assert store.rules.report("r") is None
    assert store.rules.begin("r", "3-0") == RuleState(position="3-0")
    assert store.rules.begin("r", "9-0").position == "3-0"


def test_a_decision_counts_once(store: Store, clock: ManualClock) -> None:
    """Of two that decide at the same place one is heard; its jobs are there with it, once."""
    store.rules.begin("r", "3-0")
    state = RuleState(position="5-0", fired=1, quiet={"s": 1.5}, recent=(1.0,), counts={"s": 2})
    one = job("a", clock.now)
    assert store.rules.commit("r", state, [one], expect="3-0")
    assert not store.rules.commit("r", state, [job("b", clock.now)], expect="3-0")
    assert not store.rules.commit("other", state, [], expect="3-0")
    later = state.model_copy(update={"position": "6-0"})
    assert store.rules.commit("r", later, [one.model_copy(update={"tries": 7})], expect="5-0")
    report = store.rules.report("r")
    assert report is not None
    assert (report.state, report.pending) == (later, 1)
    assert store.rules.job("r", "a") == one


def test_what_is_taken_is_nobody_elses(store: Store, clock: ManualClock) -> None:
    """Until its taker has had time enough; what is not due yet is nobody's."""
    store.rules.begin("r", "3-0")
    jobs = [job("a", clock.now - 2), job("b", clock.now - 1), job("c", clock.now)]
    assert store.rules.commit("r", RuleState(position="5-0"), jobs, expect="3-0")
    assert store.rules.take("r", clock.now + 60, 2, outward=True) == jobs[:2]
    assert store.rules.take("r", clock.now + 60, 2, outward=True) == jobs[2:]
    assert store.rules.take("r", clock.now + 60, 2, outward=True) == []
    assert store.rules.take("other", clock.now + 60, 2, outward=True) == []
    assert store.rules.take("r", clock.now + 60, 2, outward=False) == []
    again = jobs[0].model_copy(update={"tries": 1})
    assert store.rules.put_off(again, clock.now + 30)
    clock.advance(31)
    assert store.rules.take("r", clock.now + 60, 9, outward=True) == [again]
    clock.advance(30)
    assert store.rules.take("r", clock.now + 60, 9, outward=True) == jobs[1:]


def test_what_is_done_here_is_apart(store: Store, clock: ManualClock) -> None:
    """What others do, who may be slow, does not stand before it."""
    store.rules.begin("r", "3-0")
    here = job("b", clock.now).model_copy(update={"kind": "spawn"})
    jobs = [job("a", clock.now), here]
    assert store.rules.commit("r", RuleState(position="5-0"), jobs, expect="3-0")
    assert store.rules.take("r", clock.now + 60, 9, outward=False) == [here]
    assert store.rules.put_off(here, clock.now)
    assert store.rules.take("r", clock.now + 60, 9, outward=True) == jobs[:1]
    assert store.rules.take("r", clock.now + 60, 9, outward=False) == [here]
    assert store.rules.done(here)


def test_what_is_done_is_done_once(store: Store, clock: ManualClock) -> None:
    """It is counted, a failure is told, and nothing brings it back."""
    store.rules.begin("r", "3-0")
    jobs = [job("a", clock.now), job("b", clock.now)]
    assert store.rules.commit("r", RuleState(position="5-0"), jobs, expect="3-0")
    failure = RuleFailure(kind="webhook", event="5-0", session="s", cause="no", at=clock.now)
    assert store.rules.done(jobs[0])
    assert not store.rules.done(jobs[0], failure)
    assert store.rules.done(jobs[1], failure)
    assert not store.rules.put_off(jobs[0], clock.now)
    assert store.rules.job("r", "a") is None
    report = store.rules.report("r")
    assert report is not None
    assert (report.done, report.failed, report.pending, report.failure) == (1, 1, 0, failure)


def test_events_that_are_gone_are_known(store: Store, clock: ManualClock) -> None:
    """A place that the stream has gone past; the newest, and the very start, are none."""
    spec = SessionSpec.model_validate(
        {"agent": "none", "workspace": {"type": "directory", "path": "/"}}
    )
    store.submit("s", spec)
    first = store.last_event_id()
    for _ in range(5):
        clock.advance(1)
        last = store.record_event("s", 0, "session.archived")
    if isinstance(store, RedisStore):
        assert not store.rules.forgotten(first)
        store._door.call("XTRIM", Keys().events, "MAXLEN", "=", 2)
    assert store.rules.forgotten(first)
    assert not store.rules.forgotten(last)
    assert not store.rules.forgotten("0-0")


@pytest.mark.broker
def test_every_key_of_a_rule_has_a_ttl(redis_url: str, clock: ManualClock) -> None:
    """A rule that nobody has any more is forgotten."""
    client = connect(redis_url)
    store = RedisStore(client, clock=clock)
    store.rules.begin("r", "3-0")
    store.rules.commit("r", RuleState(position="5-0"), [job("a", clock.now)], expect="3-0")
    store.rules.take("r", clock.now + 60, 1, outward=True)
    keys = [str(key) for key in client.keys("cq:rule*")]
    assert len(keys) == 3  # nothing is to be done here
    assert all(client.ttl(key) > 29 * 86400 for key in keys)
    store.close()
