"""The engine of flows: what it has submitted and cancelled, whoever dies and however late it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.flows.decision import Start
from coders_queue.flows.facts import RunKey
from coders_queue.models.flow import FlowRecord
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.spec import SessionSpec
from coders_queue.queue.flow_engine import Flows
from coders_queue.store.memory import MemoryStore
from support.flow_engine import submission

TWO: dict[str, Any] = {
    "each_of": {"each": ["x", "y"], "task": "look at {{ item }}"},
    "last": {"needs": ["each_of"], "task": "add up {{ steps.each_of.result }}"},
}


class Room:
    """A store, and sessions that are ended by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock)
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.refuse: Callable[[str], Exception | None] = lambda _run: None
        self.flows = self.anew()
        self.flow_id = ""

    def anew(self) -> Flows:
        """Another process's engine."""
        self.flows = Flows(self.store, self, self.clock)
        return self.flows

    def begin(self, steps: dict[str, Any], **more: Any) -> str:
        """Submit a flow."""
        made = submission({"steps": steps, **more})
        record = FlowRecord(
            id=str(uuid.uuid4()),
            name="f",
            owner="ann",
            submission=made.dump(),
            created_at=self.clock.now,
        )
        self.flow_id = record.id
        self.flows.submit(record)
        return record.id

    # what the engine asks of sessions

    def submit(
        self, flow: FlowRecord, start: Start, session_id: str, inputs: list[Outcome]
    ) -> None:
        """Note it, and write the session down."""
        run = str(start.key)
        if (refusal := self.refuse(run)) is not None:
            raise refusal
        self.asked.append(run)
        self.store.submit(session_id, SessionSpec.model_validate(start.spec))

    def cancel(self, session_id: str, reason: str) -> None:
        """Note it."""
        self.cancelled.append(session_id)
        self.store.request_cancel(session_id, reason)

    def end(self, run: str, state: str = "succeeded", result: Any = "done") -> None:
        """A session ends, and that is told."""
        session_id = RunKey.parse(run).session_id(self.flow_id)
        cause = None if state == "succeeded" else Cause(kind="exit", message="3")
        made = Outcome(id=session_id, state=state, result=result, cause=cause)  # type: ignore[arg-type]
        self.flows.ended(self.flow_id, run, made)

    @property
    def record(self) -> FlowRecord:
        """The flow as it is."""
        found = self.store.flows.get(self.flow_id)
        assert found is not None
        return found


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_flow_runs_to_its_end(room: Room) -> None:
    """Each step begins when those that it needs are over; the result is the last one's."""
    room.begin(TWO)
    assert room.asked == ["each_of/0/1/0/0", "each_of/1/1/0/0"]
    room.end("each_of/0/1/0/0", result="A")
    room.end("each_of/0/1/0/0", result="twice")
    assert len(room.asked) == 2
    room.end("each_of/1/1/0/0", result="B")
    assert room.asked[2:] == ["last/-/1/0/0"]
    room.end("last/-/1/0/0", result={"sum": 2})
    assert (room.record.state, room.record.result) == ("succeeded", {"sum": 2})
    room.flows.advance(room.flow_id)
    assert room.store.flows.live() == []
    assert len(room.asked) == 3


def test_other_processes_go_on(room: Room) -> None:
    """Nothing of a flow lives in a process alone."""
    room.begin(TWO)
    for run in ("each_of/0/1/0/0", "each_of/1/1/0/0", "last/-/1/0/0"):
        room.anew()
        room.end(run)
    assert room.record.state == "succeeded"


def test_whoever_is_not_the_one_to_decide_leaves_it(room: Room) -> None:
    """An end that comes while another decides is in the log, where that one finds it."""
    room.begin(TWO)
    room.store.acquire_lease(f"flow:{room.flow_id}", "another", 30)
    room.end("each_of/0/1/0/0")
    room.end("each_of/1/1/0/0")
    assert len(room.asked) == 2
    room.store.release_lease(f"flow:{room.flow_id}", "another")
    room.flows.reconcile()
    assert room.asked[2:] == ["last/-/1/0/0"]


def test_a_run_that_never_became_a_session_becomes_one(room: Room) -> None:
    """Its process died between writing down that it is asked for and submitting it."""
    died = OSError("killed")
    room.refuse = lambda run: died if run == "each_of/1/1/0/0" else None
    with pytest.raises(OSError, match="killed"):
        room.begin(TWO)
    assert room.asked == ["each_of/0/1/0/0"]
    room.refuse = lambda _run: None
    room.anew().reconcile()
    assert room.asked == ["each_of/0/1/0/0", "each_of/1/1/0/0"]
    room.flows.reconcile()
    assert len(room.asked) == 2


def test_one_that_is_not_wanted_any_more_does_not(room: Room) -> None:
    """The flow was cancelled meanwhile: it ends all the same."""
    room.refuse = lambda _run: OSError("killed")
    with pytest.raises(OSError, match="killed"):
        room.begin(TWO)
    room.refuse = lambda _run: None
    assert room.flows.cancel(room.flow_id, "ann does not want it")
    room.flows.reconcile()
    assert room.asked == []
    assert (room.record.state, room.record.cause) == ("cancelled", "ann does not want it")


def test_an_end_that_nobody_told_is_found(room: Room) -> None:
    """The message of the link got lost."""
    room.begin(TWO)
    for number in (0, 1):
        session_id = RunKey("each_of", number).session_id(room.flow_id)
        room.store.assign(session_id, "here")
        for state in (State.STARTING, State.RUNNING):
            assert room.store.move(session_id, 1, state)
        room.store.finish(session_id, 1, Outcome(id=session_id, state="succeeded", result="x"))
    room.flows.reconcile()
    assert room.asked[2:] == ["last/-/1/0/0"]


def test_a_session_that_cannot_be_is_a_failed_run(room: Room) -> None:
    """What is refused when it is to be submitted fails its step, with why."""
    room.refuse = lambda run: errors.UsageError("no such place") if run[0] == "l" else None
    room.begin(TWO)
    room.end("each_of/0/1/0/0")
    room.end("each_of/1/1/0/0")
    assert room.record.state == "failed"
    assert "last" in (room.record.cause or "")


def test_a_failure_cancels_what_runs(room: Room) -> None:
    """With ``stop`` the others are cancelled, and the flow is over when they are."""
    room.begin(TWO)
    room.end("each_of/0/1/0/0", "failed")
    assert room.cancelled == [RunKey("each_of", 1).session_id(room.flow_id)]
    assert room.record.state == "running"
    room.end("each_of/1/1/0/0", "cancelled")
    assert room.record.state == "failed"
    assert len(room.asked) == 2


def test_a_flow_has_a_time(room: Room) -> None:
    """Past it what runs is cancelled."""
    room.begin(TWO, timeout=60)
    room.clock.advance(59)
    room.flows.reconcile()
    assert room.cancelled == []
    room.clock.advance(2)
    room.flows.reconcile()
    assert len(room.cancelled) == 2
    room.end("each_of/0/1/0/0", "cancelled")
    room.end("each_of/1/1/0/0", "cancelled")
    assert (room.record.state, room.record.cause) == ("failed", "it took longer than 60 s")


def test_a_resumed_one_repeats_what_failed(room: Room) -> None:
    """And only that."""
    room.begin({**TWO, "each_of": {**TWO["each_of"], "on_failure": "continue"}})
    room.end("each_of/0/1/0/0")
    room.end("each_of/1/1/0/0", "failed")
    assert room.record.state == "failed"
    assert not room.flows.cancel(room.flow_id, "too late")
    assert room.flows.resume(room.flow_id)
    assert room.asked[2:] == ["each_of/1/1/0/1"]
    assert not room.flows.resume(room.flow_id)
    room.end("each_of/1/1/0/1")
    room.end("last/-/1/0/1" if "last/-/1/0/1" in room.asked else room.asked[-1])
    assert room.record.state == "succeeded"
