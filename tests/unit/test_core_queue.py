"""The queue's own code without a broker, in a stranger's worker, and when all places are taken."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Ignore, Reject

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Outcome
from coders_queue.models.quorum import Quorum
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.queue import context, control, names, request, session_task
from coders_queue.queue.app import make_app
from coders_queue.queue.dispatch import Dispatch
from coders_queue.queue.publisher import CeleryPublisher
from coders_queue.settings.schema import BrokerSettings, Settings
from coders_queue.store.memory import MemoryStore
from support.heartbeats import announce

SPEC = SessionSpec(agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/"))
#: Nothing listens there.
NOWHERE = "redis://127.0.0.1:1/0"


class Sent:
    """Keeps what would be published."""

    def __init__(self) -> None:
        self.spawned: list[tuple[str, str, int]] = []
        self.resent: list[str] = []
        self.cleaned: list[tuple[str, int]] = []
        self.probed: list[tuple[str, float]] = []

    def spawn(self, host: str, session_id: str, attempt: int) -> None:
        self.spawned.append((host, session_id, attempt))

    def resend(self, record: Any) -> None:
        self.resent.append(record.id)

    def sweep(self, host: str) -> None:
        pass

    def clean(self, host: str, ttl: int) -> None:
        self.cleaned.append((host, ttl))

    def probe(self, host: str, ttl: float) -> None:
        self.probed.append((host, ttl))


class Hosts:
    """A store with one host of two places, and what is sent."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        announce(self.store, "a", {"capacity": 2}, 60)
        self.sent: Any = Sent()
        self.dispatch = Dispatch(self.store, self.sent)

    def queued(self) -> str:
        session_id = ids.new_session_id()
        self.store.submit(session_id, SPEC)
        self.store.attach_request(session_id, {})
        return session_id


def test_a_free_place_goes_to_who_waited_longest() -> None:
    """A place is filled as soon as it is free, the oldest first, and never twice."""
    hosts = Hosts()
    first, second, third, fourth = (hosts.queued() for _ in range(4))
    assert [hosts.dispatch.fill() for _ in range(2)] == [2, 0]
    assert [sent[1] for sent in hosts.sent.spawned] == [first, second]
    hosts.store.request_cancel(third, "no more")
    hosts.store.finish(first, 1, Outcome(id=first, state="failed"))
    assert hosts.dispatch.fill() == 1
    assert hosts.sent.spawned[-1] == ("a", fourth, 1)
    assert hosts.store.queued() == []


def test_time_alone_may_let_somebody_start() -> None:
    """Whoever fills is told when a rate allows the next one, and not when a host is full."""
    hosts = Hosts()
    told: list[float] = []
    hosts.dispatch.later = told.append
    hosts.store.set_limits({"slow": Limit(rate=0.1)})
    for _ in range(2):
        hosts.queued()
    assert hosts.dispatch.fill() == 1
    assert told == [pytest.approx(10, abs=2)]
    hosts.store.set_limits({"slow": None, "few": Limit(concurrency=1)})
    assert hosts.dispatch.fill() == 0
    assert len(told) == 1


@pytest.fixture
def nowhere() -> Any:
    settings = Settings(broker=BrokerSettings(url=NOWHERE, socket_timeout=0.2))
    app = make_app(settings, NOWHERE, MemoryStore())
    yield app
    app.close()


def test_no_broker_is_unavailable(nowhere: Any) -> None:
    """A message that finds no broker raises what everything else does then."""
    with pytest.raises(errors.Unavailable, match="takes no message"):
        CeleryPublisher(nowhere).spawn("a", ids.new_session_id(), 1)


@pytest.mark.parametrize(("spec", "raised"), [(None, Ignore), (SPEC, Reject)])
def test_a_store_that_is_away_fails_no_session(
    nowhere: Any, monkeypatch: pytest.MonkeyPatch, spec: Any, raised: type[Exception]
) -> None:
    """A delivery that cannot reach the store is no failure of its session: it comes again."""

    def away(*_: object) -> None:
        raise errors.Unavailable("away")

    monkeypatch.setattr(nowhere.store, "get", away)
    monkeypatch.setattr(session_task, "_PAUSE", 0.0)
    task = nowhere.tasks[names.SESSION]
    task.push_request(id=ids.new_session_id())
    with pytest.raises(raised):
        task.run(spec=spec)


def test_revoke_in_a_strangers_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the library changes nothing of what revoke does in an app that is not ours."""
    told: list[Any] = []
    monkeypatch.setattr(
        control, "celery_revoke", lambda state, task_id, **options: told.append((task_id, options))
    )
    app: Any = Celery("stranger", set_as_current=False)
    app.dispatch = SimpleNamespace(cancel=lambda *_: pytest.fail("not ours to call"))
    control.revoke(SimpleNamespace(app=app), ["x"], terminate=True, signal="KILL")
    assert told == [(["x"], {"terminate": True, "signal": "KILL"})]


def test_ends_that_nobody_asks_for_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """With events switched off, a worker does not keep every outcome for ever."""
    monkeypatch.setattr(request, "_ends", {})
    for number in range(request._MOST + 50):
        request.note_end(Outcome(id=str(number), state="succeeded", output="x" * 10))
    assert len(request._ends) == request._MOST
    assert "49" not in request._ends


def test_queued_is_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session written for a full host waits like any other."""
    hosts = Hosts()
    for _ in range(2):
        hosts.store.submit(ids.new_session_id(), SPEC, host="a", capacity=2)
    third = ids.new_session_id()
    assert hosts.store.submit(third, SPEC, host="a", capacity=2).state is State.QUEUED
    assert hosts.store.queued() == [third]


@pytest.mark.parametrize("spelled", ["eta", "text"])
def test_a_message_for_later_is_not_lost(spelled: str) -> None:
    """A session for later is not sent again before its time, and is when its message is late."""
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    sent: Any = Sent()
    due = datetime.fromtimestamp(clock() + 3600, UTC)
    publish = context.plain({"eta": due if spelled == "eta" else due.isoformat()})
    store.submit("a", SPEC, publish=publish)
    dispatch = Dispatch(store, sent, clock)
    for _ in range(3):
        clock.advance(600)
        dispatch.reconcile()
    assert sent.resent == []
    clock.advance(1900)
    dispatch.reconcile()
    assert sent.resent == ["a"]


def test_two_beats_clean_once() -> None:
    """However many ask within a period, every host is told once; the next period again."""
    hosts = Hosts()
    announce(hosts.store, "b", {"capacity": 2}, 60)
    assert hosts.dispatch.clean(100.0) == 2
    assert hosts.dispatch.clean(100.0) == 0
    assert sorted(hosts.sent.cleaned) == [("a", 90), ("b", 90)]
    other = Hosts()
    assert other.dispatch.clean(1e-9) == other.dispatch.clean(1e-9) == 1


def test_two_beats_probe_once() -> None:
    """Every host gets one message a period, which is worth nothing in the next."""
    hosts = Hosts()
    announce(hosts.store, "b", {"capacity": 2}, 60)
    assert hosts.dispatch.probe(10.0) == 2
    assert hosts.dispatch.probe(10.0) == 0
    assert sorted(hosts.sent.probed) == [("a", 9.0), ("b", 9.0)]


class TestQuorum:
    """What becomes of a group of which enough have succeeded."""

    def hosts(self, need: int = 1, count: int = 3) -> tuple[Hosts, list[str]]:
        hosts = Hosts()
        hosts.sent.stopped = []
        hosts.sent.stop = lambda host, session_id, attempt: hosts.sent.stopped.append(session_id)
        spec = SPEC.model_copy(update={"quorum": Quorum(group="g", need=need)})
        names = [ids.new_session_id() for _ in range(count)]
        for name in names:
            hosts.store.submit(name, spec)
            hosts.store.attach_request(name, {})
        return hosts, names

    def succeed(self, hosts: Hosts, session_id: str) -> None:
        for state in (State.STARTING, State.RUNNING):
            hosts.store.move(session_id, 1, state)
        assert hosts.store.finish(session_id, 1, Outcome(id=session_id, state="succeeded"))

    def test_the_rest_is_cancelled(self) -> None:
        """Those on a host are stopped, those that wait end at once, and none takes their place."""
        hosts, (first, second, third) = self.hosts()
        assert hosts.dispatch.fill() == 2
        self.succeed(hosts, first)
        hosts.dispatch.complete(first)
        assert hosts.sent.stopped == [second]
        states = [one.state for one in hosts.store.get_many([third]).values()]
        assert states == [State.CANCELLED]
        assert len(hosts.sent.spawned) == 2

    def test_a_failure_ends_nobody(self) -> None:
        """Only successes count."""
        hosts, (first, *_) = self.hosts()
        hosts.dispatch.fill()
        hosts.store.finish(first, 1, Outcome(id=first, state="failed"))
        hosts.dispatch.complete(first)
        assert hosts.sent.stopped == []

    def test_a_reconciliation_finds_it_again(self) -> None:
        """A worker that died between outcome and cancelling leaves nothing undone."""
        hosts, (first, second, third) = self.hosts()
        hosts.dispatch.fill()
        self.succeed(hosts, first)
        assert hosts.dispatch.reconcile()["not_wanted"] == 2
        assert hosts.dispatch.reconcile()["not_wanted"] == 0
        assert hosts.sent.stopped == [second]
        outcome = hosts.store.get_many([third])[third].outcome
        assert outcome is not None
        assert outcome.cause is not None
        assert outcome.cause.message.startswith("quorum")

    def test_its_group_is_celerys_unless_named(self) -> None:
        """In no group a quorum of several is refused; of one it means nothing."""
        spec = SPEC.model_copy(update={"quorum": Quorum(need=2)})
        named = session_task.in_group(spec, "celerys").quorum
        assert named == Quorum(group="celerys", need=2)
        with pytest.raises(errors.UsageError, match="in none"):
            session_task.in_group(spec, None)
        alone = SPEC.model_copy(update={"quorum": Quorum(need=1)})
        assert session_task.in_group(alone, None).quorum is None
