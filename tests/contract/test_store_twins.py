"""The in-memory store and the one in Redis, side by side: any series of calls, the same answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.quorum import Quorum
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store.base import Store
from coders_queue.store.connect import Client, connect
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

IDS = st.sampled_from(["aa-1", "aa-2", "ab-3", "b-4"])
OWNERS = ["ann", "ü\udcff"]
LIMITS = st.builds(
    Limit,
    agent=st.sampled_from([None, "shell", "claude"]),
    host=st.sampled_from([None, "h1"]),
    owner=st.sampled_from([None, *OWNERS]),
    label=st.sampled_from([None, "team=a", "team=b"]),
    concurrency=st.integers(0, 2),
)
NAMES = st.sampled_from([None, "n", "aa", "b-4"])
HOSTS = st.sampled_from(["h1", "h2"])
ATTEMPTS = st.integers(0, 3)
JSON = st.dictionaries(
    st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3), max_size=2
)


def attempted(call: Callable[[], Any]) -> Any:
    """What a call answers, or the error it ends in."""
    try:
        return call()
    except errors.CodersError as error:
        return type(error), error.message


class Twins(RuleBasedStateMachine):
    """Both stores, driven by the same calls on the same clock."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        client.flushall()
        self.clock = ManualClock()
        self.memory: Store = MemoryStore(clock=self.clock)
        self.redis: Store = RedisStore(client, clock=self.clock)
        self.places = ("0-0", "0-0")

    def both(self, call: Callable[[Store], Any]) -> Any:
        """The answer of both, which must be the same."""
        one, other = attempted(lambda: call(self.memory)), attempted(lambda: call(self.redis))
        assert one == other
        return one

    @rule(
        session_id=IDS,
        name=NAMES,
        host=st.none() | HOSTS,
        owner=st.sampled_from(OWNERS),
        label=st.sampled_from([None, "a", "b"]),
        priority=st.sampled_from([5, 5, 1]),
        capacity=st.sampled_from([None, 1, 2]),
        env=st.dictionaries(st.sampled_from(["K", "L"]), st.text("xy\udc80", max_size=3)),
        inputs=st.lists(st.integers() | st.text(max_size=3), max_size=2),
        quorum=st.none() | st.builds(Quorum, group=st.sampled_from("gh"), need=st.integers(1, 2)),
        arrives=st.booleans(),
    )
    def submit(
        self,
        session_id: str,
        name: str | None,
        host: str | None,
        owner: str,
        label: str | None,
        priority: int,
        capacity: int | None,
        env: dict[str, str],
        inputs: list[Any],
        quorum: Quorum | None,
        arrives: bool,
    ) -> None:
        spec = SessionSpec(
            agent="shell",
            argv=("true",),
            name=name,
            owner=owner,
            labels={} if label is None else {"team": label},
            priority=priority,
            env=env,
            quorum=quorum,
            workspace=DirectoryWorkspace(path="/srv"),
        )
        self.both(
            lambda store: store.submit(
                session_id, spec, host=host, inputs=inputs, capacity=capacity
            )
        )
        if arrives:
            self.both(lambda store: store.attach_request(session_id, {}))

    @rule(session_id=IDS, request=JSON, inputs=st.lists(st.text(max_size=2), max_size=1))
    def attach(self, session_id: str, request: dict[str, Any], inputs: list[str]) -> None:
        self.both(lambda store: store.attach_request(session_id, request, inputs))

    @rule(
        session_id=IDS,
        host=HOSTS,
        capacity=st.sampled_from([None, 1, 2]),
        begun=st.sampled_from([False, False, True]),
        waited=st.booleans(),
    )
    def assign(
        self, session_id: str, host: str, capacity: int | None, begun: bool, waited: bool
    ) -> None:
        self.both(
            lambda store: store.assign(
                session_id, host, capacity=capacity, begun=begun, waited=waited
            )
        )

    @rule(hosts=st.dictionaries(HOSTS, st.integers(0, 3), min_size=1))
    def admit(self, hosts: dict[str, int]) -> None:
        self.both(lambda store: store.admit(hosts))

    @rule(session_id=IDS)
    def stand_in_line(self, session_id: str) -> None:
        self.both(lambda store: store.attach_request(session_id, {}))

    @rule(session_id=IDS, priority=st.integers(-1, 9))
    def prioritize(self, session_id: str, priority: int) -> None:
        self.both(lambda store: store.prioritize(session_id, priority))

    @rule(session_id=IDS, agent=st.sampled_from(["shell", "claude"]))
    def redirect(self, session_id: str, agent: str) -> None:
        self.both(lambda store: store.redirect(session_id, agent))

    @rule(limits=st.dictionaries(st.sampled_from(["one", "two"]), st.none() | LIMITS, max_size=2))
    def limit(self, limits: dict[str, Limit | None]) -> None:
        self.both(lambda store: store.set_limits(limits))

    @rule(
        host=HOSTS,
        limits=st.dictionaries(st.sampled_from(["one", "two"]), LIMITS, max_size=2),
        shares=st.dictionaries(st.sampled_from(OWNERS), st.sampled_from([0.5, 3]), max_size=2),
    )
    def configure(self, host: str, limits: dict[str, Limit], shares: dict[str, float]) -> None:
        self.both(lambda store: store.configure(host, limits, shares))

    @rule(owner=st.sampled_from(OWNERS), weight=st.sampled_from([None, 0.5, 3]))
    def share(self, owner: str, weight: float | None) -> None:
        self.both(lambda store: store.set_shares({owner: weight}))

    @rule(account=st.sampled_from(["shell", "claude"]), seconds=st.none() | st.floats(0, 10))
    def exhaust(self, account: str, seconds: float | None) -> None:
        until = None if seconds is None else self.clock() + seconds
        self.both(lambda store: store.exhaust(account, until))

    @rule(session_id=IDS, due=st.none() | st.floats(0, 10), keep=st.booleans(), bind=st.booleans())
    def requeue(self, session_id: str, due: float | None, keep: bool, bind: bool) -> None:
        record = self.memory.get(session_id)
        if record is None or not record.attempt:
            return
        end = AttemptEnd(
            attempt=record.attempt, ended_at=1.0, cause=Cause(kind="exit", message="m")
        )
        host = record.host if bind or keep else None
        due_at = None if due is None else self.clock() + due
        self.both(
            lambda store: store.requeue(
                session_id, end, due_at=due_at, only_host=host, keeps_place=keep
            )
        )

    @rule(
        session_id=IDS,
        attempt=ATTEMPTS,
        towards=st.sampled_from([State.QUEUED, State.STARTING, State.RUNNING]),
        pid=st.none() | st.integers(1, 9),
        started_at=st.none() | st.floats(0, 2e9),
    )
    def move(
        self,
        session_id: str,
        attempt: int,
        towards: State,
        pid: int | None,
        started_at: float | None,
    ) -> None:
        self.both(
            lambda store: store.move(session_id, attempt, towards, pid=pid, started_at=started_at)
        )

    @rule(session_id=IDS)
    def advance_properly(self, session_id: str) -> None:
        """The usual next step, so that runs come far."""
        record = self.memory.get(session_id)
        if record is None:
            return
        if record.state is State.QUEUED:
            self.both(lambda store: store.assign(session_id, "h1"))
            return
        steps = {State.ASSIGNED: State.STARTING, State.STARTING: State.RUNNING}
        target = steps.get(record.state)
        if target is not None:
            assert self.both(lambda store: store.move(session_id, record.attempt, target))

    @rule(session_id=IDS, reason=st.text(max_size=5))
    def cancel(self, session_id: str, reason: str) -> None:
        self.both(lambda store: store.request_cancel(session_id, reason))

    @rule(
        session_id=IDS,
        attempt=ATTEMPTS,
        state=st.sampled_from(["succeeded", "failed", "cancelled"]),
        ended_at=st.none() | st.floats(0, 2e9),
        result=JSON,
    )
    def finish(
        self, session_id: str, attempt: int, state: str, ended_at: float | None, result: Any
    ) -> None:
        outcome = Outcome(
            id=session_id,
            state=state,  # type: ignore[arg-type]
            ended_at=ended_at,
            result=result,
            cause=None if state == "succeeded" else Cause(kind="exit", message="m"),
        )
        self.both(lambda store: store.finish(session_id, attempt, outcome))

    @rule(session_id=IDS)
    def settle(self, session_id: str) -> None:
        self.both(lambda store: store.settle(session_id))

    @rule(session_id=IDS, attempt=ATTEMPTS)
    def archive(self, session_id: str, attempt: int) -> None:
        self.both(lambda store: store.mark_archived(session_id, attempt))

    @rule(name=st.sampled_from(["l", "m"]), holder=HOSTS, take=st.booleans())
    def lease(self, name: str, holder: str, take: bool) -> None:
        if take:
            self.both(lambda store: store.acquire_lease(name, holder, 1e6))
        else:
            self.both(lambda store: store.release_lease(name, holder))
        self.both(lambda store: store.lease_holder(name))

    @rule(body=st.sampled_from(["x", "y"]), member=IDS, watch=st.booleans())
    def chord(self, body: str, member: str, watch: bool) -> None:
        if watch:
            self.both(lambda store: store.watch_chord(body, member))
        else:
            self.both(lambda store: store.unwatch_chord(body))
        self.both(lambda store: store.watched_chords(1.0))

    @rule(seconds=st.floats(0, 10))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(reference=st.sampled_from(["a", "aa", "aa-", "ab", "b", "b-4", "n", "z", ""]))
    def resolve(self, reference: str) -> None:
        self.both(lambda store: store.resolve(reference))

    @rule(
        live=st.sampled_from([None, True, False]),
        host=st.none() | HOSTS,
        owner=st.sampled_from([None, "ann", "ü\udcff"]),
        limit=st.sampled_from([None, 0, 1, 2]),
    )
    def list_some(
        self, live: bool | None, host: str | None, owner: str | None, limit: int | None
    ) -> None:
        self.both(lambda store: store.list(live=live, host=host, owner=owner, limit=limit))

    @invariant()
    def same_records(self) -> None:
        for session_id in ("aa-1", "aa-2", "ab-3", "b-4"):
            self.both(lambda store, session_id=session_id: store.get(session_id))
        self.both(lambda store: store.list())
        self.both(lambda store: store.unsettled())
        self.both(lambda store: store.live_count(["h1", "h2", "h3"]))
        self.both(lambda store: store.admission())
        self.both(lambda store: store.quorums())
        self.both(lambda store: [store.quorum_rest(group) for group in "gh"])

    @invariant()
    def same_events(self) -> None:
        seen = []
        for store, place in zip((self.memory, self.redis), self.places, strict=True):
            events = store.events(place)
            seen.append([event.model_dump(exclude={"id"}) for event in events])
        assert seen[0] == seen[1]
        self.places = (self.memory.last_event_id(), self.redis.last_event_id())


def test_both_stores_do_the_same(redis_url: str) -> None:
    """No series of calls tells the in-memory store from the one in Redis."""
    with contextlib.closing(connect(redis_url)) as client:
        run_state_machine_as_test(
            lambda: Twins(client),
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
