"""The engine of rules: every event decided on once, every action done until it is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models.firing import RuleJob, RuleReport
from coders_queue.models.rule import Action, Rule
from coders_queue.models.spec import SessionSpec
from coders_queue.queue import notify, webhook
from coders_queue.queue.rule_engine import RuleEngine, lease_name
from coders_queue.queue.rule_jobs import CLAIM, ActionFailed
from coders_queue.store.memory import MemoryStore
from support.webhook_site import WebhookSite

STOP: dict[str, Any] = {"stop": {"reason": "{{ rule }}"}}


class Acts:
    """Notes what is done; fails as it is told to."""

    def __init__(self) -> None:
        self.done: list[RuleJob] = []
        self.errors: list[Exception] = []

    def do(self, job: RuleJob, action: Action) -> None:
        """See the contract."""
        self.done.append(job)
        if self.errors:
            raise self.errors.pop(0)


class Stage:
    """A store, a clock, an engine, and a session that things happen to."""

    def __init__(self, max_events: int = 1000, **fields: Any) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock, max_events=max_events)
        spec = {"agent": "none", "workspace": {"type": "directory", "path": "/"}}
        self.store.submit("s", SessionSpec.model_validate(spec))
        self.acts = Acts()
        data = {"on": "session.archived", "do": [STOP], "retries": 2, "backoff": 1, **fields}
        self.rules = {"r": Rule.model_validate(data)}
        self.engine = self.another()
        self.engine.turn(0)

    def another(self) -> RuleEngine:
        """An engine that knows nothing yet."""
        return RuleEngine(self.store, self.rules, self.acts, self.clock)

    def happen(self, count: int = 1) -> None:
        """Events."""
        for _ in range(count):
            self.clock.advance(0.01)
            self.store.record_event("s", 1, "session.archived")

    def turn(self, engine: RuleEngine | None = None) -> None:
        """A turn, with all that is done in it."""
        one = engine or self.engine
        one.turn(0)
        self.rest(one)

    def rest(self, engine: RuleEngine) -> None:
        """Wait until nothing is being done."""
        # twice: what is done last is written down after it is let go
        until(lambda: not engine.jobs.busy)
        engine.close()
        pools = engine.jobs._pools
        until(lambda: not any(one.is_alive() for pool in pools.values() for one in pool._threads))
        engine.jobs._pools = {outward: type(pool)(4) for outward, pool in pools.items()}

    @property
    def report(self) -> RuleReport:
        """What is known of the rule."""
        found = self.store.rules.report("r")
        assert found is not None
        return found

    @property
    def kinds(self) -> list[str]:
        """The events."""
        return [event.kind for event in self.store.events("0-0")]


def until(condition: Callable[[], Any]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_each_event_is_decided_on_once() -> None:
    """A rule begins at the end of the stream; two engines beside each other do nothing twice."""
    stage = Stage()
    other = stage.another()
    other.turn(0)
    stage.happen(5)
    stage.turn()
    stage.turn(other)
    stage.happen(3)
    stage.turn(other)
    stage.turn()
    stage.turn(stage.another())
    assert len(stage.acts.done) == 8
    assert len({job.id for job in stage.acts.done}) == 8
    assert stage.acts.done[0].payload == {"session": "s", "reason": "r"}
    assert (stage.report.state.fired, stage.report.done, stage.report.pending) == (8, 8, 0)


def test_a_new_engine_goes_on_where_the_last_one_was() -> None:
    """What happened while there was none is looked at."""
    stage = Stage()
    stage.happen(3)
    stage.turn(stage.another())
    assert len(stage.acts.done) == 3


def test_what_fails_is_tried_again_and_given_up() -> None:
    """After waits that double; an event and the report say so, and the rest goes on."""
    stage = Stage()
    stage.acts.errors = [ActionFailed("no: token=abcdefgh", kind="status-500")] * 3
    stage.happen()
    stage.turn()
    for wait, tries in ((0.5, 1), (0.5, 2), (1.5, 2), (0.6, 3)):
        stage.clock.advance(wait)
        stage.turn()
        assert len(stage.acts.done) == tries
    assert stage.report.failed == 1
    assert stage.report.failure is not None
    assert stage.report.failure.cause == "no: token=***"
    assert stage.kinds[-1] == "rule.failed"
    assert stage.store.events("0-0")[-1].data["why"] == "status-500"
    stage.happen()
    stage.turn()
    assert stage.report.done == 1


@pytest.mark.parametrize(
    "error", [errors.Conflict("taken"), ActionFailed("refused", final=True), errors.NotFound("no")]
)
def test_what_cannot_succeed_is_given_up_at_once(error: Exception) -> None:
    """Nothing is gained by trying it again."""
    stage = Stage()
    stage.acts.errors = [error]
    stage.happen()
    stage.turn()
    assert (stage.report.failed, stage.report.pending) == (1, 0)


def test_a_broker_that_is_away_costs_no_try() -> None:
    """It is waited for."""
    stage = Stage(retries=0)
    stage.acts.errors = [errors.Unavailable("away")] * 4
    stage.happen()
    stage.turn()
    for _ in range(4):
        stage.clock.advance(5)
        stage.turn()
    assert (stage.report.done, stage.report.failed) == (1, 0)


def test_a_bug_in_an_action_stops_nothing() -> None:
    """It is tried again like any failure."""
    stage = Stage()
    stage.acts.errors = [ZeroDivisionError("x")]
    stage.happen(2)
    stage.turn()
    assert stage.report.done == 1
    stage.clock.advance(1.1)
    stage.turn()
    assert stage.report.done == 2


def test_what_a_dead_engine_had_taken_is_done_by_the_next() -> None:
    """Once nobody speaks for it."""
    stage = Stage()
    stage.happen()
    stage.engine.jobs.act = lambda **_: 0  # type: ignore[method-assign]
    stage.engine.turn(0)
    (taken,) = stage.store.rules.take("r", stage.clock.now + CLAIM, 5, outward=False)
    stage.turn(stage.another())
    assert stage.acts.done == []
    stage.clock.advance(CLAIM + 0.1)
    stage.turn(stage.another())
    assert stage.acts.done == [taken]


def test_a_slow_receiver_holds_up_nobody_else() -> None:
    """What is done here goes on, and so does what others do for other rules."""
    stage = Stage(do=[{"webhook": {"url": "http://slow.invalid"}}, STOP])
    stage.rules["quick"] = Rule.model_validate(
        {"on": "session.archived", "do": [{"webhook": {"url": "http://quick.invalid"}}]}
    )
    slow = threading.Event()
    done: list[tuple[str, str]] = []

    def do(job: RuleJob, action: Action) -> None:
        if (job.rule, job.kind) == ("r", "webhook"):
            slow.wait(20)
        done.append((job.rule, job.kind))

    stage.acts.do = do  # type: ignore[method-assign]
    engine = stage.another()
    engine.turn(0)
    stage.happen(20)
    try:
        until(lambda: [engine.turn(0), len(done)][1] == 40)
        assert set(done) == {("r", "stop"), ("quick", "webhook")}
    finally:
        slow.set()
    until(lambda: [engine.turn(0), len(done)][1] == 60)
    stage.rest(engine)


def test_a_place_at_which_nothing_followed_is_written_down_now_and_then() -> None:
    """Not for each event, of which there are many; a new engine decides on them again."""
    stage = Stage(when="data.wanted")
    begun = stage.report.state.position
    stage.turn()
    stage.happen(3)
    stage.turn()
    assert stage.report.state.position == begun
    stage.clock.advance(1)
    stage.turn()
    assert stage.report.state.position == stage.store.last_event_id()
    assert stage.acts.done == []


def test_events_that_were_gone_are_told() -> None:
    """The rule goes on with the oldest that there is."""
    stage = Stage(max_events=3)
    stage.happen(10)
    stage.turn(stage.another())
    assert stage.report.state.missed == 1
    assert len(stage.acts.done) == 3


def test_an_action_that_was_changed_is_given_up() -> None:
    """What was filled in for one is nothing for another."""
    stage = Stage()
    stage.happen()
    stage.engine.jobs.act = lambda **_: 0  # type: ignore[method-assign]
    stage.engine.turn(0)
    stage.rules["r"] = Rule.model_validate(
        {"on": "session.archived", "do": [{"notify": {"to": "json://localhost"}}]}
    )
    stage.turn(stage.another())
    assert stage.report.failed == 1
    assert stage.acts.done == []


def test_a_session_whose_record_is_gone_is_what_the_event_tells() -> None:
    """A condition that asks for more does not hold."""
    stage = Stage(when="agent is none and session.cwd is none")
    stage.clock.advance(1)
    stage.store.record_event("gone", 1, "session.archived")
    stage.happen()
    stage.turn()
    assert [job.session for job in stage.acts.done] == ["gone"]


def test_hosts_of_the_same_rules_share_a_lease() -> None:
    """Those of others have another."""
    stage = Stage()
    other = {"r": stage.rules["r"].model_copy(update={"when": "x"})}
    assert lease_name(dict(stage.rules)) == lease_name(stage.rules)
    assert lease_name(other) != lease_name(stage.rules)


@pytest.mark.parametrize(
    ("status", "final"), [(500, False), (429, False), (302, False), (404, True), (410, True)]
)
def test_a_webhook_that_is_not_taken(status: int, final: bool) -> None:
    """Its path and query, which often are passwords, are not told; nor is a redirect followed."""
    with WebhookSite().open() as site:
        site.answers = [status]
        with pytest.raises(ActionFailed, match=f"answered {status}") as error:
            webhook.post(f"{site.url}/secret?key=secret", b"{}", {}, 5)
        assert error.value.final is final
        assert "secret" not in str(error.value)
        assert len(site.posts) == 1


def test_a_webhook_is_bounded_in_time() -> None:
    """A site that does not answer, one that is not there, and a body beyond all measure."""
    with WebhookSite().open() as site:
        site.delay = 1.5
        with pytest.raises(ActionFailed, match=r"no answer in 0\.2 s"):
            webhook.post(site.url, b"{}", {}, 0.2)
        gone = site.url
    with pytest.raises(ActionFailed, match=r"/\*\*\*: Connection refused"):
        webhook.post(gone, b"{}", {}, 5)
    with pytest.raises(ActionFailed, match="larger"):
        webhook.post(gone, b"x" * (webhook.MAX_BODY + 1), {}, 5)


class Library:
    """In place of the real one."""

    told: list[tuple[list[str], str, str]]

    def __init__(self, answer: bool) -> None:
        self.told = []
        library = self

        class Apprise:
            def __init__(self) -> None:
                self.people: list[str] = []

            def add(self, one: str) -> bool:
                self.people.append(one)
                return "://" in one

            def notify(self, *, title: str, body: str) -> bool:
                library.told.append((self.people, title, body))
                return answer

        self.Apprise = Apprise


def test_people_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them; whoever is not reached, and what is no address, is an error without it."""
    good, bad = Library(True), Library(False)
    monkeypatch.setattr(notify, "library", lambda: good)
    notify.tell(("json://a", "json://b"), "title", "body")
    assert good.told == [(["json://a", "json://b"], "title", "body")]
    with pytest.raises(ActionFailed, match=r"notify.to.1 is no address") as error:
        notify.tell(("json://a", "secret"), "title", "body")
    assert error.value.final
    monkeypatch.setattr(notify, "library", lambda: bad)
    with pytest.raises(ActionFailed, match="could not tell"):
        notify.tell(("json://a",), "title", "body")


def test_without_the_library_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how to get it."""
    monkeypatch.setattr(notify, "library", lambda: None)
    with pytest.raises(ActionFailed, match=r"pip install 'coders-queue\[notify\]'") as error:
        notify.tell(("json://a",), "title", "body")
    assert error.value.final
