"""One suite for every store: what the contract in coders_queue/store/base.py promises."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models.activity import Activity
from coders_queue.models.heartbeat import Heartbeat
from coders_queue.models.lifecycle import ENDED, MOVES, State, may_follow
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Cause, Outcome, Usage, WorkspaceResult
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import MAX_TASK_BYTES, DirectoryWorkspace, SessionSpec
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.keys import Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore
from coders_workers.local_store.notebook import NAME, Notebook
from coders_workers.local_store.store import LocalStore
from support.heartbeats import announce

HOST = "alpha"
RETENTION = 3600.0


@dataclass
class World:
    """A store, its clock, and a way to let a record's time run out."""

    store: Store
    clock: ManualClock
    expire: Callable[[str], None]
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new(self, **changes: object) -> str:
        """A queued session."""
        session_id = f"{next(self._count):08x}-0000-4000-8000-000000000000"
        self.clock.advance(1)
        self.store.submit(session_id, spec(**changes))
        return session_id

    def at(self, state: State, **changes: object) -> tuple[str, int]:
        """A session in ``state``, with its attempt."""
        session_id = self.new(**changes)
        if state is State.QUEUED:
            return session_id, 0
        assert self.store.assign(session_id, HOST) == 1
        steps = [State.STARTING, State.RUNNING]
        for step in steps[: {State.ASSIGNED: 0, State.STARTING: 1}.get(state, 2)]:
            assert self.store.move(session_id, 1, step)
        if state in ENDED:
            assert self.store.finish(session_id, 1, Outcome(id=session_id, state=state.value))
        return session_id, 1


@pytest.fixture(params=["memory", "redis", "local"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    clock = ManualClock()
    if request.param == "local":
        fleet = MemoryStore(clock=clock, retention=RETENTION)
        local = LocalStore(fleet, HOST, Notebook(tmp_path / NAME), clock)
        yield World(local, clock, lambda session_id: clock.advance(RETENTION))
        local.close()
        return
    if request.param == "memory":
        yield World(
            MemoryStore(clock=clock, retention=RETENTION),
            clock,
            lambda session_id: clock.advance(RETENTION),
        )
        return
    url = request.getfixturevalue("redis_url")
    with contextlib.closing(connect(url)) as client:
        store = RedisStore(client, clock=clock, retention=RETENTION)

        def expire(session_id: str) -> None:
            key = Keys().session(session_id)
            assert (RETENTION - 60) * 1000 < client.pttl(key) <= RETENTION * 1000
            client.pexpire(key, 0)

        yield World(store, clock, expire)


@pytest.fixture
def store(world: World) -> Store:
    return world.store


def spec(**changes: object) -> SessionSpec:
    given: dict[str, object] = {
        "agent": "shell",
        "argv": ("true",),
        "workspace": DirectoryWorkspace(path="/srv/work"),
    }
    return SessionSpec.model_validate(given | changes)


def ended(session_id: str, state: str = "succeeded", **changes: object) -> Outcome:
    return Outcome.model_validate({"id": session_id, "state": state} | changes)


class TestSubmit:
    def test_a_new_session_is_queued(self, world: World) -> None:
        """A submitted session is QUEUED, without host or attempt, and reads back as returned."""
        record = world.store.submit("a-1", spec(), inputs=[1, "two"], publish={"queue": "q"})
        assert (record.state, record.attempt, record.host) == (State.QUEUED, 0, None)
        assert record.created_at == world.clock.now
        assert (record.inputs, record.publish) == ((1, "two"), {"queue": "q"})
        assert world.store.get("a-1") == record

    def test_with_a_host_it_is_assigned_at_once(self, world: World) -> None:
        """A session submitted with its host is ASSIGNED as attempt 1."""
        record = world.store.submit("a-1", spec(), host=HOST)
        assert (record.state, record.attempt, record.host) == (State.ASSIGNED, 1, HOST)
        assert record.assigned_at == world.clock.now
        assert world.store.live_count([HOST, "other"]) == {HOST: 1, "other": 0}
        assert world.store.get("a-1") == record

    def test_what_a_host_began_alone_is_asked_for_nothing(self, store: Store) -> None:
        """It runs: neither the host's capacity nor a limit can forbid it any more."""
        store.set_limits({"none": Limit(concurrency=0)})
        record = store.submit("a-1", spec(), host=HOST, capacity=0, begun_at=5.0)
        assert (record.state, record.host, record.attempt) == (State.ASSIGNED, HOST, 1)
        assert record.created_at == 5.0
        assert store.live_count([HOST]) == {HOST: 1}
        assert store.submit("b-2", spec(), host=HOST, capacity=9).state is State.QUEUED

    def test_twice_changes_nothing(self, world: World) -> None:
        """A second submit with the same id returns the first one's record and adds no event."""
        first = world.store.submit("a-1", spec(name="one"))
        before = world.store.last_event_id()
        world.clock.advance(5)
        again = world.store.submit("a-1", spec(name="other"), host=HOST)
        assert again == first
        assert world.store.last_event_id() == before
        with pytest.raises(errors.NotFound):
            world.store.resolve("other")

    def test_a_name_in_use_is_refused(self, store: Store) -> None:
        """A live session's name is refused with its holder named, and nothing is written."""
        store.submit("a-1", spec(name="fixer"))
        before = store.last_event_id()
        with pytest.raises(errors.Conflict, match=r"fixer.*a-1"):
            store.submit("b-2", spec(name="fixer"))
        assert store.get("b-2") is None
        assert [record.id for record in store.list()] == ["a-1"]
        assert store.last_event_id() == before

    def test_a_name_is_free_after_the_end(self, store: Store) -> None:
        """The end of a session frees its name for another."""
        store.submit("a-1", spec(name="fixer"))
        store.request_cancel("a-1", "no longer needed")
        store.submit("b-2", spec(name="fixer"))
        assert store.resolve("fixer") == "b-2"

    @pytest.mark.parametrize(
        "task",
        ["a" * MAX_TASK_BYTES, "€" * (MAX_TASK_BYTES // 3), "\x01" * 100_000, "\udc80\udcff ü 🙂"],
        ids=["ascii", "three-byte", "control", "surrogate-escapes"],
    )
    def test_any_task_survives(self, store: Store, task: str) -> None:
        """A task of the largest size or with bytes that are not UTF-8 comes back as it was."""
        given = spec(
            agent="claude",
            task=task,
            argv=("--x\udcfe", "", " ", "a;"),
            env={"BYTES\udcff": "\udc81"},
            labels={"k": "\udc82"},
            owner="ann\udc83",
            workspace=DirectoryWorkspace(path="/srv/\udcff"),
        )
        store.submit("a-1", given)
        found = store.get("a-1")
        assert found is not None
        assert found.spec == given
        assert [record.spec for record in store.list(owner="ann\udc83")] == [given]

    def test_inputs_that_json_cannot_carry_are_refused(self, store: Store) -> None:
        """What cannot be stored is a UsageError, and nothing is written."""
        with pytest.raises(errors.UsageError, match="inputs"):
            store.submit("a-1", spec(), inputs=[b"bytes"])
        assert store.get("a-1") is None


class TestLifecycle:
    @pytest.mark.parametrize(
        ("source", "target"),
        list(itertools.product(State, State)),
        ids=lambda state: state.value,
    )
    def test_every_pair_of_states(self, world: World, source: State, target: State) -> None:
        """Exactly the moves of the table are done; all others change nothing and say so."""
        session_id, attempt = world.at(source)
        before = world.store.get(session_id)
        event = world.store.last_event_id()
        if target is State.ASSIGNED:
            done = world.store.assign(session_id, HOST) is not None
        elif target in ENDED:
            done = world.store.finish(session_id, attempt, ended(session_id, target.value))
        else:
            done = world.store.move(session_id, attempt, target)
        after = world.store.get(session_id)
        assert before is not None
        assert after is not None
        assert done == may_follow(source, target)
        if done:
            assert after.state is target
            [noted] = world.store.events(event)
            assert (noted.kind, noted.session) == (f"session.{target.value}", session_id)
        else:
            assert after == before
            assert world.store.events(event) == []
        live = [record.id for record in world.store.list(live=True)]
        gone = [record.id for record in world.store.list(live=False)]
        assert (live, gone) == (([], [session_id]) if after.state in ENDED else ([session_id], []))
        expected = 1 if after.host and after.state not in ENDED else 0
        assert world.store.live_count([HOST]) == {HOST: expected}

    @pytest.mark.parametrize("target", [State.ASSIGNED, *ENDED])
    def test_move_refuses_what_has_its_own_method(self, store: Store, target: State) -> None:
        """An end or an assignment by move() is a mistake of the caller's."""
        with pytest.raises(ValueError, match=r"move\(\)"):
            store.move("a-1", 1, target)

    @pytest.mark.parametrize("source", [state for state in State if MOVES[state]])
    @pytest.mark.parametrize("off", [-1, 1])
    def test_another_attempt_is_fenced_off(self, world: World, source: State, off: int) -> None:
        """A writer of another attempt changes nothing, whatever the state."""
        session_id, attempt = world.at(source)
        before = world.store.get(session_id)
        stale = attempt + off
        assert not any(
            world.store.move(session_id, stale, target)
            for target in (State.QUEUED, State.STARTING, State.RUNNING)
        )
        assert not any(
            world.store.finish(session_id, stale, ended(session_id, state.value)) for state in ENDED
        )
        assert world.store.get(session_id) == before

    def test_a_requeue_makes_a_new_attempt(self, world: World) -> None:
        """QUEUED again, a session has no host, process or times; the next assignment counts on."""
        session_id, _ = world.at(State.RUNNING)
        assert world.store.move(session_id, 1, State.QUEUED)
        record = world.store.get(session_id)
        assert record is not None
        assert (record.host, record.pid, record.assigned_at, record.started_at) == (None,) * 4
        assert record.attempt == 1
        assert world.store.live_count([HOST]) == {HOST: 0}
        assert world.store.assign(session_id, "beta") == 2
        assert not world.store.move(session_id, 1, State.STARTING)
        assert world.store.move(session_id, 2, State.STARTING)
        assert world.store.live_count([HOST, "beta"]) == {HOST: 0, "beta": 1}

    def test_running_notes_process_and_time(self, world: World) -> None:
        """A move to RUNNING keeps the process id and when it was seen, now if that is not said."""
        first, _ = world.at(State.STARTING)
        second, _ = world.at(State.STARTING)
        assert world.store.move(first, 1, State.RUNNING, pid=4711, started_at=12.25)
        assert world.store.move(second, 1, State.RUNNING)
        found = world.store.get_many([first, second])
        assert (found[first].pid, found[first].started_at) == (4711, 12.25)
        assert (found[second].pid, found[second].started_at) == (None, world.clock.now)

    def test_the_version_that_runs_is_kept(self, world: World) -> None:
        """A move to RUNNING notes it, an outcome without one gets it, a requeue forgets it."""
        first, _ = world.at(State.STARTING)
        second, _ = world.at(State.STARTING)
        assert world.store.move(first, 1, State.RUNNING, agent_version="2.1.197")
        assert world.store.move(second, 1, State.RUNNING, agent_version="2.1.197")
        (listed,) = [one for one in world.store.list(live=True) if one.id == first]
        assert listed.agent_version == "2.1.197"
        assert world.store.finish(first, 1, ended(first, "succeeded"))
        record = world.store.get(first)
        assert record is not None
        assert record.outcome is not None
        assert record.outcome.agent_version == "2.1.197"
        assert world.store.move(second, 1, State.QUEUED)
        requeued = world.store.get(second)
        assert requeued is not None
        assert requeued.agent_version is None

    def test_unknown_sessions(self, store: Store) -> None:
        """Every write about a session that does not exist says no and writes nothing."""
        assert store.assign("x", HOST) is None
        assert not store.move("x", 0, State.QUEUED)
        assert not store.finish("x", 0, ended("x", "failed"))
        assert not store.attach_request("x", {})
        assert not store.settle("x")
        assert not store.mark_archived("x", 1)
        assert store.request_cancel("x", "why") is None
        assert store.get("x") is None
        assert store.list() == []
        assert store.last_event_id() == "0-0"


def attempt_end(attempt: int, **changes: object) -> AttemptEnd:
    """An attempt lost with its machine."""
    cause = Cause(kind="lost", message="it vanished")
    return AttemptEnd.model_validate(
        {"attempt": attempt, "ended_at": 5.0, "cause": cause, **changes}
    )


class TestRequeue:
    def test_the_next_attempt_waits_for_its_time_and_its_host(self, world: World) -> None:
        """It is given away when it is due, to the one host that can go on, and to no other."""
        session_id, attempt = world.at(State.RUNNING)
        due = world.clock() + 30
        assert world.store.requeue(session_id, attempt_end(1), due_at=due, only_host=HOST)
        record = world.store.get(session_id)
        assert record is not None
        assert (record.state, record.due_at, record.only_host) == (State.QUEUED, due, HOST)
        assert (record.host, record.pid, record.started_at) == (None, None, None)
        assert world.store.assign(session_id, HOST) is None
        assert world.store.assign(session_id, "other", waited=True) is None
        world.clock.advance(30)
        assert world.store.assign(session_id, "other") is None
        assert world.store.assign(session_id, HOST) == attempt + 1
        record = world.store.get(session_id)
        assert record is not None
        assert (record.due_at, record.only_host) == (None, None)

    def test_who_has_waited_needs_no_clock(self, world: World) -> None:
        """The clock was set back, and the host counted the seconds itself."""
        session_id, attempt = world.at(State.RUNNING)
        due = world.clock() + 30
        assert world.store.requeue(session_id, attempt_end(1), due_at=due, only_host=HOST)
        world.clock.advance(-3600)
        assert world.store.assign(session_id, HOST) is None
        assert world.store.assign(session_id, HOST, waited=True) == attempt + 1

    def test_the_ends_are_kept_in_order(self, world: World) -> None:
        """With causes and conversations; the oldest of too many go."""
        session_id, _ = world.at(State.RUNNING)
        for number in range(1, 56):
            end = attempt_end(number, conversation_id=f"c{number}")
            assert world.store.requeue(session_id, end)
            assert world.store.assign(session_id, HOST) == number + 1
            assert world.store.move(session_id, number + 1, State.STARTING)
        record = world.store.get(session_id)
        assert record is not None
        assert [one.attempt for one in record.history] == list(range(6, 56))
        assert record.history[-1] == attempt_end(55, conversation_id="c55")
        assert world.store.list()[0].history == record.history

    def test_once_and_fenced(self, world: World) -> None:
        """Told twice, late, or of another attempt, nothing happens."""
        session_id, _ = world.at(State.RUNNING)
        assert not world.store.requeue(session_id, attempt_end(2))
        assert world.store.requeue(session_id, attempt_end(1))
        assert not world.store.requeue(session_id, attempt_end(1))
        assert world.store.assign(session_id, HOST) == 2
        assert not world.store.requeue(session_id, attempt_end(1))
        assert not world.store.requeue("unknown", attempt_end(1))

    def test_a_killed_session_never_comes_back(self, world: World) -> None:
        """Once its end was asked for, no attempt follows."""
        session_id, _ = world.at(State.RUNNING)
        world.store.request_cancel(session_id, "enough")
        assert not world.store.requeue(session_id, attempt_end(1))
        record = world.store.get(session_id)
        assert record is not None
        assert record.state is State.RUNNING

    def test_the_event_tells_the_cause(self, world: World) -> None:
        """Its kind, never its words."""
        session_id, _ = world.at(State.RUNNING)
        world.store.requeue(session_id, attempt_end(1, signal=9), due_at=9e9)
        event = world.store.events()[-1]
        assert (event.kind, event.attempt, event.host) == ("session.requeued", 1, HOST)
        assert event.data == {"exit_code": None, "signal": 9, "cause": "lost", "due_at": 9e9}


class TestActivity:
    def test_kept_and_told(self, world: World) -> None:
        """The record has all of it, the event no question."""
        session_id, attempt = world.at(State.RUNNING)
        activity = Activity(
            doing="waiting", since=3.5, progress_at=2.0, source="screen", question="Run rm?",
            choices=("Yes", "No"),
        )  # fmt: skip
        assert world.store.note_activity(session_id, attempt, activity)
        record = world.store.get(session_id)
        assert record is not None
        assert record.activity == activity
        assert world.store.list(live=True)[0].activity == activity
        event = world.store.events()[-1]
        assert event.kind == "session.activity"
        assert event.data == {
            "doing": "waiting", "since": 3.5, "source": "screen", "resets_at": None,
        }  # fmt: skip

    def test_silently(self, world: World) -> None:
        """Progress alone is kept without an event."""
        session_id, attempt = world.at(State.RUNNING)
        last = world.store.last_event_id()
        activity = Activity(doing="working", since=1.0, progress_at=2.0)
        assert world.store.note_activity(session_id, attempt, activity, tell=False)
        assert world.store.last_event_id() == last

    @pytest.mark.parametrize("state", [State.QUEUED, State.STARTING, State.SUCCEEDED])
    def test_only_of_what_runs(self, world: World, state: State) -> None:
        """A late word on an attempt that is over, or not there yet, is dropped."""
        session_id, attempt = world.at(state)
        activity = Activity(doing="idle", since=1.0, progress_at=1.0)
        assert not world.store.note_activity(session_id, attempt, activity)

    def test_another_attempt_is_fenced_off(self, world: World) -> None:
        """Only the current attempt's agent does anything; the next one starts without a word."""
        session_id, attempt = world.at(State.RUNNING)
        activity = Activity(doing="idle", since=1.0, progress_at=1.0)
        assert not world.store.note_activity(session_id, attempt + 1, activity)
        assert world.store.note_activity(session_id, attempt, activity)
        assert world.store.requeue(session_id, attempt_end(attempt))
        record = world.store.get(session_id)
        assert record is not None
        assert record.activity is None


class TestEnd:
    def test_the_outcome_is_kept_and_completed(self, world: World) -> None:
        """What the outcome leaves open is filled from the record; the rest stays as given."""
        session_id, _ = world.at(State.RUNNING)
        started = world.store.get(session_id).started_at  # type: ignore[union-attr]
        world.clock.advance(60)
        given = ended(
            session_id,
            "failed",
            exit_code=3,
            cause=Cause(kind="exit", message="it failed\udcff"),
            result={"deep": [1, None, 2.5, "ü"]},
            output="\udc80",
            usage=Usage(input_tokens=7, cost_usd=0.1),
            workspace=WorkspaceResult(path="/w", commits=("abc",)),
        )
        assert world.store.finish(session_id, 1, given)
        record = world.store.get(session_id)
        assert record is not None
        assert record.state is State.FAILED
        assert record.ended_at == world.clock.now
        assert record.outcome == given.model_copy(
            update={
                "attempts": 1,
                "host": HOST,
                "started_at": started,
                "ended_at": world.clock.now,
            }
        )

    def test_an_ended_session_has_no_process(self, world: World) -> None:
        """The process id is that of a living process, or none."""
        session_id, _ = world.at(State.STARTING)
        assert world.store.move(session_id, 1, State.RUNNING, pid=4711)
        assert world.store.finish(session_id, 1, ended(session_id))
        assert world.store.get(session_id).pid is None  # type: ignore[union-attr]

    def test_given_times_win(self, world: World) -> None:
        """Times, attempts and host that the outcome states are not overwritten."""
        session_id, _ = world.at(State.RUNNING)
        given = ended(session_id, attempts=5, host="gamma", started_at=1.5, ended_at=2.5)
        assert world.store.finish(session_id, 1, given)
        record = world.store.get(session_id)
        assert record is not None
        assert record.outcome == given
        assert record.ended_at == 2.5

    @pytest.mark.parametrize("how", ["finish", "cancel"])
    def test_environment_values_are_dropped(self, world: World, how: str) -> None:
        """After the end the environment's names are there, its values are not."""
        session_id = world.new(env={"TOKEN": "hunter2", "EMPTY": ""})
        assert world.store.get(session_id).spec.env["TOKEN"] == "hunter2"  # type: ignore[union-attr]
        if how == "finish":
            assert world.store.finish(session_id, 0, ended(session_id, "failed"))
        else:
            world.store.request_cancel(session_id, "enough")
        record = world.store.get(session_id)
        assert record is not None
        assert record.spec.env == {"TOKEN": "", "EMPTY": ""}

    def test_an_outcome_that_json_cannot_carry_is_refused(self, world: World) -> None:
        """A result that cannot be stored is a UsageError; the session stays as it is."""
        session_id, _ = world.at(State.RUNNING)
        with pytest.raises(errors.UsageError, match="outcome"):
            world.store.finish(session_id, 1, ended(session_id, result={1, 2}))
        assert world.store.get(session_id).state is State.RUNNING  # type: ignore[union-attr]

    @pytest.mark.parametrize("at", [float("nan"), float("inf")])
    def test_a_time_that_is_none_is_refused(self, world: World, at: float) -> None:
        """A time of end that orders nothing is a UsageError, and the session stays whole."""
        session_id, _ = world.at(State.RUNNING)
        before = world.store.get(session_id)
        with pytest.raises(errors.UsageError):
            world.store.finish(session_id, 1, ended(session_id, ended_at=at))
        assert world.store.get(session_id) == before
        assert world.store.unsettled() == []

    def test_settled_once(self, world: World) -> None:
        """An ended session is settled once; a live one never."""
        session_id, _ = world.at(State.RUNNING)
        assert not world.store.settle(session_id)
        assert world.store.finish(session_id, 1, ended(session_id))
        assert [record.id for record in world.store.unsettled()] == [session_id]
        assert world.store.settle(session_id)
        assert not world.store.settle(session_id)
        assert world.store.unsettled() == []
        assert world.store.get(session_id).settled  # type: ignore[union-attr]

    def test_unsettled_in_order_of_end(self, world: World) -> None:
        """Unsettled sessions come whole, oldest end first, at most as many as asked for."""
        ids = [world.at(State.RUNNING)[0] for _ in range(3)]
        for at, session_id in zip((30.0, 10.0, 20.0), ids, strict=True):
            assert world.store.attach_request(session_id, {"id": session_id})
            assert world.store.finish(session_id, 1, ended(session_id, ended_at=at))
        found = world.store.unsettled()
        assert [record.id for record in found] == [ids[1], ids[2], ids[0]]
        assert found[0].request == {"id": ids[1]}
        assert [record.id for record in world.store.unsettled(limit=1)] == [ids[1]]

    def test_settled_records_expire(self, world: World) -> None:
        """A settled record is gone after its time, and trim() drops what it leaves in indexes."""
        session_id, _ = world.at(State.SUCCEEDED, name="gone")
        stays, _ = world.at(State.SUCCEEDED, name="stays")
        assert world.store.settle(session_id)
        world.expire(session_id)
        assert world.store.get(session_id) is None
        assert [record.id for record in world.store.list()] == [stays]
        assert world.store.get_many([session_id, stays]).keys() == {stays}
        for reference in (session_id, session_id[:8], "gone"):
            with pytest.raises(errors.NotFound):
                world.store.resolve(reference)
        assert world.store.trim() == 1
        assert world.store.trim() == 0
        assert [record.id for record in world.store.list()] == [stays]
        assert world.store.resolve("stays") == stays

    def test_archived_once_an_attempt(self, world: World) -> None:
        """Each attempt's archive is noted once, in the order they came; a future one is not."""
        session_id, _ = world.at(State.RUNNING)
        assert world.store.move(session_id, 1, State.QUEUED)
        assert world.store.assign(session_id, HOST) == 2
        assert world.store.mark_archived(session_id, 2)
        assert world.store.mark_archived(session_id, 1)
        assert not world.store.mark_archived(session_id, 1)
        assert not world.store.mark_archived(session_id, 3)
        assert world.store.get(session_id).archived == (2, 1)  # type: ignore[union-attr]


class TestCancel:
    def test_a_queued_session_ends_at_once(self, world: World) -> None:
        """Nobody has it, so it is CANCELLED with the reason as its cause."""
        session_id = world.new()
        record = world.store.request_cancel(session_id, "wrong\nrepository")
        assert record == world.store.get(session_id)
        assert record is not None
        assert record.state is State.CANCELLED
        assert record.cancel_reason == "wrong\nrepository"
        assert record.outcome is not None
        assert record.outcome.cause == Cause(kind="cancelled", message="wrong\nrepository")
        assert (record.outcome.attempts, record.outcome.started_at) == (0, None)
        assert record.outcome.ended_at == record.ended_at == world.clock.now
        assert [found.id for found in world.store.unsettled()] == [session_id]

    @pytest.mark.parametrize("state", [State.ASSIGNED, State.STARTING, State.RUNNING])
    def test_on_a_host_it_is_noted(self, world: World, state: State) -> None:
        """The host's session gets the reason, the first one stays, and one event says so."""
        session_id, _ = world.at(state)
        event = world.store.last_event_id()
        first = world.store.request_cancel(session_id, "first\udcff")
        second = world.store.request_cancel(session_id, "second")
        assert first == second == world.store.get(session_id)
        assert first is not None
        assert (first.state, first.cancel_reason) == (state, "first\udcff")
        kinds = [noted.kind for noted in world.store.events(event)]
        assert kinds == ["session.cancel_requested"]

    def test_the_first_reason_outlives_a_requeue(self, world: World) -> None:
        """Cancelled on a host that was then lost, a session keeps the first reason to its end."""
        session_id, _ = world.at(State.RUNNING)
        world.store.request_cancel(session_id, "first")
        assert world.store.move(session_id, 1, State.QUEUED)
        record = world.store.request_cancel(session_id, "second")
        assert record is not None
        assert (record.state, record.cancel_reason) == (State.CANCELLED, "first")

    @pytest.mark.parametrize("state", sorted(ENDED))
    def test_an_ended_session_stays(self, world: World, state: State) -> None:
        """The end is the end."""
        session_id, _ = world.at(state)
        before = world.store.get(session_id)
        assert world.store.request_cancel(session_id, "late") == before
        assert world.store.get(session_id) == before


class TestRequest:
    def test_the_first_request_stays(self, store: Store) -> None:
        """The request context is saved once; inputs of the submit stay when it brings none."""
        store.submit("a-1", spec(), inputs=["given"])
        assert store.attach_request("a-1", {"chord": {"x": [1, None]}, "n": 1})
        assert not store.attach_request("a-1", {"other": 1}, inputs=["late"])
        record = store.get("a-1")
        assert record is not None
        assert record.request == {"chord": {"x": [1, None]}, "n": 1}
        assert record.inputs == ("given",)

    def test_inputs_come_with_it(self, store: Store) -> None:
        """Results of a canvas are kept with the request."""
        store.submit("a-1", spec())
        assert store.attach_request("a-1", {}, inputs=[{"id": "x"}, "text"])
        assert store.get("a-1").inputs == ({"id": "x"}, "text")  # type: ignore[union-attr]

    def test_lists_leave_it_out(self, store: Store) -> None:
        """Lists come without the request context, inputs and publishing options."""
        store.submit("a-1", spec(), inputs=[1], publish={"queue": "q"})
        assert store.attach_request("a-1", {"a": 1})
        [record] = store.list()
        assert (record.request, record.inputs, record.publish) == (None, (), None)
        assert store.get_many(["a-1", "nobody"]) == {"a-1": record}


class TestList:
    def test_filters_and_order(self, world: World) -> None:
        """Latest creation first; live, host, owner and limit narrow it down together."""
        queued = world.new(owner="ann")
        running, _ = world.at(State.RUNNING, owner="bob")
        failed, _ = world.at(State.FAILED, owner="ann")
        done, _ = world.at(State.SUCCEEDED, owner="bob")

        def ids(**filters: object) -> list[str]:
            return [record.id for record in world.store.list(**filters)]  # type: ignore[arg-type]

        assert ids() == [done, failed, running, queued]
        assert ids(limit=3) == [done, failed, running]
        assert ids(limit=0) == []
        assert ids(live=True) == [running, queued]
        assert ids(live=False) == [done, failed]
        assert ids(live=False, limit=1) == [done]
        assert ids(owner="ann") == [failed, queued]
        assert ids(owner="ann", limit=1) == [failed]
        assert ids(owner="ann", live=True) == [queued]
        assert ids(owner="an") == []
        assert ids(host=HOST) == [done, failed, running]
        assert ids(host=HOST, live=True) == [running]
        assert ids(host=HOST, owner="bob", live=False) == [done]
        assert ids(host="nowhere") == []

    def test_more_than_a_chunk(self, world: World) -> None:
        """Nothing is lost or repeated in a long list, filtered or not."""
        ids = [world.new(owner=f"o{number % 2}") for number in range(1100)][::-1]
        assert [record.id for record in world.store.list()] == ids
        assert [record.id for record in world.store.list(limit=700)] == ids[:700]
        assert [record.id for record in world.store.list(owner="o1", limit=300)] == ids[:600:2]


class TestResolve:
    def test_id_name_and_prefix(self, store: Store) -> None:
        """A full id, a name and an unambiguous prefix all lead to the session."""
        store.submit("abcd-1", spec(name="first"))
        store.submit("abxy-2", spec())
        assert store.resolve("abcd-1") == "abcd-1"
        assert store.resolve("first") == "abcd-1"
        assert store.resolve("abx") == "abxy-2"

    def test_ambiguous_prefixes_name_the_candidates(self, store: Store) -> None:
        """A prefix of several ids is refused with ids and names, not more than ten."""
        store.submit("ab-1", spec(name="one"))
        store.submit("ab-2", spec())
        with pytest.raises(errors.Ambiguous) as caught:
            store.resolve("ab")
        assert "ab-1 (one), ab-2" in caught.value.message
        for number in range(10, 30):
            store.submit(f"cd-{number}", spec())
        with pytest.raises(errors.Ambiguous, match=r"cd-19, and more"):
            store.resolve("cd")

    def test_ids_of_any_text(self, world: World) -> None:
        """Ids that a caller chose freely are found whole and by prefix, and survive a trim."""
        for session_id in ("my id 1", "ü€🙂", "b\udcff"):
            world.store.submit(session_id, spec())
            world.store.request_cancel(session_id, "no")
            assert world.store.resolve(session_id) == session_id
            assert world.store.resolve(session_id[:2]) == session_id
        assert world.store.trim() == 0
        assert len(world.store.list()) == 3

    def test_a_live_name_goes_before_a_prefix(self, store: Store) -> None:
        """A session called like the beginning of another's id is found by its name."""
        store.submit("fade-1", spec())
        store.submit("beef-2", spec(name="fade"))
        assert store.resolve("fade") == "beef-2"

    def test_the_newest_of_ended_sessions(self, world: World) -> None:
        """An ended session is found by its name while no live one has it: the last to end."""
        old, _ = world.at(State.FAILED, name="job")
        assert world.store.resolve("job") == old
        new, _ = world.at(State.FAILED, name="job")
        world.at(State.FAILED, name="job2")
        assert world.store.resolve("job") == new
        live = world.new(name="job")
        assert world.store.resolve("job") == live
        assert world.store.finish(live, 0, ended(live, "failed", ended_at=world.clock.now - 3000))
        assert world.store.resolve("job") == new

    @pytest.mark.parametrize(
        "text",
        ["", "nobody", "ab ", "a\nb", "ü", "\udcff", "*", "a\0", "ab-\xff", "job 1", "x\u20ac"],
    )
    def test_nobody(self, store: Store, text: str) -> None:
        """What fits nothing is NotFound, whatever it holds."""
        store.submit("ab-1", spec())
        with pytest.raises(errors.NotFound) as caught:
            store.resolve(text)
        assert type(caught.value) is errors.NotFound


class TestEvents:
    def test_a_life_in_events(self, world: World) -> None:
        """Every change is one event, in order, with attempt, host and the clock's time."""
        session_id, _ = world.at(State.RUNNING, name="n", owner="ann", env={"K": "secret"})
        world.store.finish(session_id, 1, ended(session_id, "failed", exit_code=2, output="secret"))
        world.store.settle(session_id)
        world.store.mark_archived(session_id, 1)
        events = world.store.events()
        assert [(event.kind, event.attempt, event.host) for event in events] == [
            ("session.queued", 0, None),
            ("session.assigned", 1, HOST),
            ("session.starting", 1, HOST),
            ("session.running", 1, HOST),
            ("session.failed", 1, HOST),
            ("session.settled", 1, HOST),
            ("session.archived", 1, HOST),
        ]
        assert {event.session for event in events} == {session_id}
        assert {event.at for event in events} == {world.clock.now}
        assert events[0].data == {"agent": "shell", "name": "n", "owner": "ann"}
        assert events[4].data == {"exit_code": 2, "signal": None, "cause": None}
        assert "secret" not in repr(events)

    def test_following(self, world: World) -> None:
        """Events after a place come once, in order, as many as asked for."""
        world.new()
        place = world.store.last_event_id()
        ids = [world.store.record_event("s", 3, f"kind.{number}") for number in range(5)]
        assert [event.id for event in world.store.events(place)] == ids
        assert [event.id for event in world.store.events(place, limit=2)] == ids[:2]
        assert [event.id for event in world.store.events(ids[1])] == ids[2:]
        assert world.store.events(ids[-1]) == []
        assert world.store.last_event_id() == ids[-1]

    def test_events_of_ones_own(self, world: World) -> None:
        """A recorded event keeps its data and takes the session's host, known or not."""
        session_id, _ = world.at(State.RUNNING)
        place = world.store.last_event_id()
        world.store.record_event(session_id, 1, "agent.idle", {"for": 1.5, "ü": [None, "\udcff"]})
        world.store.record_event("unknown", 0, "odd")
        known, unknown = world.store.events(place)
        assert known.data == {"for": 1.5, "ü": [None, "\udcff"]}
        assert (known.host, unknown.host) == (HOST, None)
        assert unknown.data == {}

    @pytest.mark.parametrize(
        "place", ["", "$", "x-1", "1-", "-1", "1-2-3", "99999999999999999999-0"]
    )
    def test_a_place_that_is_none(self, store: Store, place: str) -> None:
        """What is not an event's id is a UsageError."""
        with pytest.raises(errors.UsageError):
            store.events(place)


class TestLeases:
    def test_one_holder(self, store: Store) -> None:
        """A lease has one holder, who may renew it; others get it once it is given up."""
        assert store.lease_holder("host.alpha") is None
        assert store.acquire_lease("host.alpha", "one", 60)
        assert store.acquire_lease("host.alpha", "one", 60)
        assert not store.acquire_lease("host.alpha", "two", 60)
        assert store.lease_holder("host.alpha") == "one"
        assert not store.release_lease("host.alpha", "two")
        assert store.release_lease("host.alpha", "one")
        assert not store.release_lease("host.alpha", "one")
        assert store.acquire_lease("host.alpha", "two", 60)
        assert store.acquire_lease("host.beta", "one", 60)


class TestHosts:
    def test_announced(self, store: Store) -> None:
        """Hosts are there with their latest description."""
        assert store.hosts() == {}
        announce(store, "alpha", {"slots": 1}, 60)
        announce(store, "alpha", {"slots": 2, "roles": ["host"]}, 60)
        announce(store, "beta", {}, 60)
        assert store.hosts() == {"alpha": {"slots": 2, "roles": ["host"]}, "beta": {}}

    def test_live_count_follows_sessions(self, world: World) -> None:
        """Sessions count on their host from assignment to end."""
        first, _ = world.at(State.ASSIGNED)
        world.at(State.RUNNING)
        world.new()
        assert world.store.live_count([HOST]) == {HOST: 2}
        assert world.store.live_count([]) == {}
        world.store.finish(first, 1, ended(first, "failed"))
        assert world.store.live_count([HOST]) == {HOST: 1}


class TestHeartbeats:
    @staticmethod
    def beat(sequence: int, **changes: object) -> Heartbeat:
        return Heartbeat.model_validate(
            {
                "host": HOST,
                "sequence": sequence,
                "sent_at": 10.0 + sequence,
                "period": 1.0,
                "info": {"capacity": 3},
                "sessions": {"s_1": {"pid": 7, "progress_at": 4.5}},
                **changes,
            }
        )

    def test_the_last_one_is_kept(self, store: Store) -> None:
        """With all that it carries, and both times."""
        assert store.health() == {}
        assert store.beat(self.beat(1), 60)
        assert store.beat(self.beat(2), 60)
        health = store.health()[HOST]
        assert health.last == self.beat(2)
        assert (health.beats, health.late, health.alive) == (2, 0, True)
        assert 0 <= health.longest_gap < 1.5
        assert store.hosts() == {HOST: {"capacity": 3}}

    def test_late_and_repeated_ones_are_dropped(self, store: Store) -> None:
        """The queue may deliver twice and out of order; the count is of the host's own."""
        assert store.beat(self.beat(1), 60)
        assert store.beat(self.beat(3), 60)
        assert not store.beat(self.beat(3), 60)
        assert not store.beat(self.beat(2), 60)
        assert store.health()[HOST].last.sequence == 3

    def test_those_that_never_came_are_counted(self, world: World) -> None:
        """By the numbers of those that did; the age of the last is by the store's clock."""
        assert world.store.beat(self.beat(1), 60)
        assert world.store.beat(self.beat(2), 60)
        assert world.store.beat(self.beat(6), 60)
        health = world.store.health()[HOST]
        assert (health.beats, health.missed) == (3, 3)
        assert 0 <= health.age < 1.5
        assert health.silent_for is None
        assert world.store.beat(self.beat(1), 60)
        assert world.store.health()[HOST].missed == 0

    def test_a_silent_host_is_told(self, store: Store) -> None:
        """From the moment at which its next heartbeat is overdue."""
        assert store.beat(self.beat(1, period=1e-9), 60)
        health = store.health()[HOST]
        assert health.alive
        assert health.silent_for == (health.age or None)  # the twin's clock stands still

    def test_a_restarted_worker_begins_anew(self, store: Store) -> None:
        """What it did before is nobody's gap."""
        assert store.beat(self.beat(7), 60)
        assert store.beat(self.beat(1), 60)
        health = store.health()[HOST]
        assert (health.beats, health.longest_gap) == (1, 0.0)

    def test_a_gap_is_noticed(self, store: Store) -> None:
        """By the store's clock, whatever the hosts' say."""
        assert store.beat(self.beat(1, period=1e-9), 60)
        assert store.beat(self.beat(2, period=1e-9, sent_at=0.0), 60)
        health = store.health()[HOST]
        assert health.late in (0, 1)  # the twin's clock stands still
        assert health.late == (health.longest_gap > 0)


class TestChords:
    def test_watched_from_the_first_time(self, world: World) -> None:
        """A chord counts as watched since its first member; it is forgotten when told."""
        world.store.watch_chord("body", "one")
        world.clock.advance(30)
        world.store.watch_chord("body", "two")
        world.store.watch_chord("young", "three")
        assert world.store.watched_chords(30) == {"body": "one"}
        assert world.store.watched_chords(31) == {}
        assert world.store.watched_chords(0) == {"body": "one", "young": "three"}
        world.store.unwatch_chord("body")
        world.store.unwatch_chord("body")
        assert world.store.watched_chords(0) == {"young": "three"}


def test_a_clock_set_back_hides_no_chord(world: World) -> None:
    """A time that lies ahead is long gone."""
    world.store.watch_chord("body", "one")
    world.clock.advance(-3600)
    assert world.store.watched_chords(30) == {"body": "one"}


def test_ping_and_close(store: Store) -> None:
    """A store that is there answers, and may be closed twice."""
    store.ping()
    store.close()
    store.close()


def test_a_settled_session_keeps_no_messages(world: World) -> None:
    """What messages carried of others' requests goes with delivery; a group's member is kept."""
    secret = {"chain": [{"kwargs": {"spec": {"env": {"A": "secret"}}}}], "group": None}
    for session_id, request in (("a-1", secret), ("a-2", {**secret, "group": "g"})):
        world.store.submit(session_id, spec(), publish={"chain": secret["chain"]})
        assert world.store.attach_request(session_id, request)
        world.store.request_cancel(session_id, "enough")
        assert world.store.settle(session_id)
        assert not world.store.attach_request(session_id, request)
    alone, member = world.store.get("a-1"), world.store.get("a-2")
    assert alone is not None
    assert member is not None
    assert (alone.publish, alone.request) == (None, {})
    assert member.publish is None
    assert member.request == {**secret, "group": "g"}
