"""One suite for what every store keeps of flows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models.flow import FlowRecord, Halted, Resumed, RunEnded, RunsStarted
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.store.connect import connect
from coders_queue.store.flows import FlowStore
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

STARTED = RunsStarted(runs=("a/-/1/0/0",))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.broker)])
def flows(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[FlowStore]:
    """Every store."""
    if request.param == "memory":
        yield MemoryStore(clock=clock).flows
        return
    client = connect(request.getfixturevalue("redis_url"))
    store = RedisStore(client, clock=clock)
    yield store.flows
    store.close()


def new(flows: FlowStore, clock: ManualClock, name: str = "review") -> str:
    """A flow that was just submitted."""
    clock.advance(1)
    flow_id = str(uuid.uuid4())
    record = FlowRecord(id=flow_id, name=name, owner="ann", submission="{}", created_at=clock.now)
    assert flows.submit(record) == record
    return flow_id


def succeeded(run: str) -> Outcome:
    """An outcome."""
    return Outcome(id=run, state="succeeded", result={"é": [1, None]}, ended_at=12.5)


def test_a_flow_is_written_once(flows: FlowStore, clock: ManualClock) -> None:
    """A second submission changes nothing."""
    flow_id = new(flows, clock)
    first = flows.get(flow_id)
    assert first is not None
    assert flows.submit(first.model_copy(update={"name": "other"})) == first
    assert flows.get(flow_id) == first
    assert flows.get("nobody") is None
    assert flows.length(flow_id) == 0
    assert flows.entries("nobody") == []


def test_the_log_grows_by_what_is_decided_on_it(flows: FlowStore, clock: ManualClock) -> None:
    """An entry that rests on a log that has grown since is not added."""
    flow_id = new(flows, clock)
    halted = Halted(why="cancelled", message="enough")
    assert flows.append(flow_id, STARTED, expect=0)
    assert not flows.append(flow_id, STARTED, expect=0)
    assert flows.append(flow_id, halted)
    assert flows.entries(flow_id) == [STARTED, halted]
    assert flows.entries(flow_id, 1) == [halted]
    assert flows.length(flow_id) == 2
    assert not flows.append("nobody", STARTED)


def test_a_run_ends_once(flows: FlowStore, clock: ManualClock) -> None:
    """Told twice, the first outcome stays."""
    flow_id = new(flows, clock)
    failed = Outcome(id="x", state="failed", cause=Cause(kind="exit", message="3"), ended_at=1.0)
    assert flows.end_run(flow_id, "a/-/1/0/0", succeeded("x"))
    assert not flows.end_run(flow_id, "a/-/1/0/0", failed)
    assert flows.end_run(flow_id, "b/0/1/0/0", failed)
    assert flows.outcome(flow_id, "a/-/1/0/0") == succeeded("x")
    assert flows.outcome(flow_id, "c/-/1/0/0") is None
    assert flows.entries(flow_id) == [
        RunEnded(run="a/-/1/0/0", state="succeeded", at=12.5),
        RunEnded(run="b/0/1/0/0", state="failed", cause="exit", at=1.0),
    ]
    assert not flows.end_run("nobody", "a/-/1/0/0", failed)


def test_it_is_over_only_on_what_is_known(flows: FlowStore, clock: ManualClock) -> None:
    """A log that has grown keeps it alive; one that is over takes nothing in."""
    flow_id = new(flows, clock)
    assert flows.append(flow_id, STARTED)
    assert not flows.finish(flow_id, "succeeded", None, {"a": 1}, expect=0)
    assert flows.live() == [flow_id]
    assert flows.finish(flow_id, "succeeded", None, {"a": [1]}, expect=1)
    assert not flows.finish(flow_id, "failed", "why", None, expect=1)
    record = flows.get(flow_id)
    assert record is not None
    assert (record.state, record.result, record.cause) == ("succeeded", {"a": [1]}, None)
    assert record.ended_at == clock.now
    assert flows.live() == []
    assert not flows.append(flow_id, STARTED)
    assert not flows.end_run(flow_id, "a/-/1/0/0", succeeded("x"))
    assert not flows.resume(flow_id)


def test_a_failed_one_goes_on(flows: FlowStore, clock: ManualClock) -> None:
    """Resumed, it is as one that runs, and its log says so."""
    flow_id = new(flows, clock)
    assert not flows.resume(flow_id)
    assert flows.finish(flow_id, "failed", "step a failed", None, expect=0)
    clock.advance(5)
    assert flows.resume(flow_id)
    record = flows.get(flow_id)
    assert record is not None
    assert (record.state, record.cause, record.ended_at) == ("running", None, None)
    assert record.resumed_at == clock.now
    assert flows.entries(flow_id) == [Resumed()]
    assert flows.live() == [flow_id]
    assert flows.append(flow_id, STARTED, expect=1)


def test_lists_and_references(flows: FlowStore, clock: ManualClock) -> None:
    """Newest first; a name means the one that is not over, then the newest."""
    first, second = new(flows, clock), new(flows, clock)
    other = new(flows, clock, "other")
    assert [one.id for one in flows.list()] == [other, second, first]
    assert [one.id for one in flows.list(limit=1)] == [other]
    with pytest.raises(errors.Ambiguous, match="fits 2 flows"):
        flows.resolve("review")
    assert flows.finish(first, "failed", "x", None, expect=0)
    assert flows.resolve("review") == second
    assert flows.finish(second, "failed", "x", None, expect=0)
    assert flows.resolve("review") == second
    assert flows.resolve(first[:13]) == first
    assert [one.id for one in flows.list(live=True)] == [other]
    assert [one.id for one in flows.list(live=False)] == [second, first]
    with pytest.raises(errors.NotFound, match="no flow 'zz'"):
        flows.resolve("zz")
