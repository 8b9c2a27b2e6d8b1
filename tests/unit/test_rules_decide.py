"""Whether a rule fires, what it does then, and what is wrong with one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.models.event import Event
from coders_queue.models.firing import RuleState
from coders_queue.models.rule import MAX_DEPTH, Rule
from coders_queue.rules import check
from coders_queue.rules.decide import Decision, decide, job_id
from coders_queue.rules.trial import trial
from coders_queue.rules.values import session_values
from coders_queue.store import kinds

STOP: dict[str, Any] = {"stop": {}}


def rule(**fields: Any) -> Rule:
    """A rule on failures."""
    return Rule.model_validate({"on": "session.failed", "do": [STOP], **fields})


def event(number: int = 1, kind: str = "session.failed", **fields: Any) -> Event:
    """The event of that number, so many seconds on."""
    about = {"id": f"{number}-0", "session": "s", "attempt": 2, "kind": kind, "at": float(number)}
    return Event.model_validate({**about, "data": {"cause": "exit"}, **fields})


def tried(one: Rule, at: Event, state: RuleState | None = None, **session: Any) -> Decision:
    """What becomes of it."""
    known = {**session_values(None, at), **session}
    return decide("r", one, at, known, state or RuleState(position="0-0"))


def whys(one: Rule, events: list[Event]) -> list[str]:
    """What becomes of events that follow each other."""
    state, found = RuleState(position="0-0"), []
    for at in events:
        decision = tried(one, at, state)
        state = decision.state
        found.append(decision.why)
        assert state.position == at.id
    return found


def test_a_rule_fires_on_its_events_alone() -> None:
    """Patterns count; an event that it does not look at moves it on all the same."""
    one = rule(on=["session.f*", "session.cancelled"])
    kind = [tried(one, event(kind=f"session.{what}")).why for what in ("failed", "running")]
    assert kind == ["fires", "kind"]
    assert tried(one, event(7, "session.running")).state.position == "7-0"


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("cause == 'exit' and state == 'failed'", "fires"),
        ("{{ agent == 'claude' }}", "fires"),
        ("labels.team == 'core' and labels.other is none", "fires"),
        ("data.nothing", "condition"),
        ("chain", "condition"),
        ("session.mode == 'headless'", "fires"),
        ("event.attempt > 1 and doing is none", "fires"),
        ("name > 3", "fault"),
    ],
)
def test_a_condition_decides(when: str, why: str) -> None:
    """It sees the event, its session and the rules before; one without a value fires nothing."""
    found = tried(
        rule(when=when), event(), agent="claude", labels={"team": "core"}, mode="headless"
    )
    assert found.why == why
    assert found.state.faults == (why == "fault")


def test_what_is_done_has_the_same_ids_each_time() -> None:
    """An event that is decided on again asks for the same, filled in, with the chain."""
    spawn = {"agent": "claude@2", "task": "see {{ event.session }}", "cwd": "/w", "env": {"A": "b"}}
    post = {"webhook": {"url": "https://x.invalid/secret", "body": {"n": "{{ event.attempt }}"}}}
    one = rule(do=[{"spawn": spawn}, post], when="not chain")
    found = tried(one, event())
    assert found == tried(one, event())
    first, second = found.jobs
    assert [first.id, second.id] == [job_id("1-0", "r", 0), job_id("1-0", "r", 1)]
    assert first.payload == {
        "agent": "claude",
        "version": "2",
        "workspace": {"type": "directory", "path": "/w"},
        "task": "see s",
        "env": {"A": "b"},
        "labels": {"coders.rules": "r"},
        "mode": "headless",
        "permission": "default",
        "priority": 5,
    }
    assert second.payload == {"body": {"n": 2}}
    assert "secret" not in second.model_dump_json()


def test_an_action_that_cannot_be_filled_in_is_given_up() -> None:
    """The others are done; an event tells of it."""
    one = rule(do=[{"send": {"text": "{{ kind | fromjson }}"}}, STOP])
    found = tried(one, event())
    assert [job.kind for job in found.jobs] == ["audit", "stop"]
    assert found.jobs[0].payload["kind"] == kinds.RULE_FAILED
    assert "do.0.send.text" in found.faults[0]


def test_what_is_no_utf8_can_be_stored_all_the_same() -> None:
    """A file name may be any bytes."""
    one = rule(do=[{"webhook": {"url": "http://x.invalid"}}])
    (job,) = tried(one, event(), cwd="/a\udcff", result={"\udcfe": ["\ud800"]}).jobs
    assert json.loads(job.model_dump_json())["payload"] == job.payload
    assert job.payload["body"]["session"]["cwd"] == "/a?"
    found = tried(rule(when="data['\udcff'].x"), event())
    assert found.why == "fault"
    assert found.state.model_dump_json()


def test_what_anybody_writes_into_the_chain_is_no_rule() -> None:
    """It goes into headers and labels."""
    labels = {"coders.rules": "a\r\nX: y,,b,A B," + "é"}
    (job,) = tried(rule(), event(), labels=labels).jobs
    assert job.chain == ("b", "r")


def test_debouncing_passes_over_what_follows() -> None:
    """For each session by itself, or for the rule."""
    events = [event(1), event(3), event(4, session="other"), event(11), event(12)]
    by_session = whys(rule(debounce="10s"), events)
    assert by_session == ["fires", "debounced", "fires", "fires", "debounced"]
    by_rule = whys(rule(debounce=10, debounce_by="rule"), events)
    assert by_rule == ["fires", "debounced", "debounced", "fires", "debounced"]


def test_a_rate_bounds_how_often_it_fires() -> None:
    """In any span of that length; what was passed over does not count."""
    found = whys(rule(rate=2, per=10), [event(number) for number in (1, 2, 3, 11, 12, 13)])
    assert found == ["fires", "fires", "rate", "fires", "fires", "rate"]


def test_at_most_counts_for_each_session() -> None:
    """And for ever."""
    events = [event(1), event(2), event(99), event(100, session="other")]
    assert whys(rule(at_most=2), events) == ["fires", "fires", "at_most", "fires"]


def test_what_a_rule_caused_does_not_trigger_it() -> None:
    """Nor does a chain that has grown too long; an event says so."""
    found = tried(rule(), event(), labels={"coders.rules": "a,r"})
    assert (found.why, found.state.stopped, found.told) == ("loop", 1, "a > r > r")
    assert found.jobs[0].payload["kind"] == kinds.RULE_STOPPED
    long = ",".join(f"a{number}" for number in range(MAX_DEPTH))
    assert tried(rule(), event(), labels={"coders.rules": long}).why == "depth"
    short = ",".join(f"a{number}" for number in range(MAX_DEPTH - 1))
    assert tried(rule(), event(), labels={"coders.rules": short}).why == "fires"


def test_every_kind_of_event_is_known() -> None:
    """Those of rules aside: a rule that looked at them would go in circles."""
    found = {
        value
        for name, value in vars(kinds).items()
        if name.isupper() and isinstance(value, str) and not value.startswith("rule.")
    }
    assert found | {one for one in check.KINDS if one.count(".") == 1} == set(check.KINDS)
    assert found <= set(check.KINDS)


SPAWN: dict[str, Any] = {"spawn": {"agent": "claude", "task": "x", "cwd": "/"}}
SEND: dict[str, Any] = {"send": {"text": "go on"}}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"on": "session.faild"}, "there is no event 'session.faild'"),
        ({"on": "rule.failed"}, "there is no event"),
        ({"when": "labls.x"}, "there is no labls"),
        ({"when": "session.nam"}, "session has no nam"),
        ({"when": "a b"}, "not an expression"),
        ({"do": [{"stop": {"reason": "{{ x() }}"}}]}, "do.0.stop.reason: nothing can be called"),
        ({"do": [{"spawn": {"agent": "a", "argv": ["{{ z }}"]}}]}, "do.0.spawn.argv.0: there is"),
        ({"do": [SPAWN]}, "triggers itself: what is spawned is told of by session.failed"),
        ({"do": [STOP, SPAWN], "on": "session.*"}, "triggers itself"),
        ({"do": [SPAWN], "when": "agent == 'claude'"}, "triggers itself"),
        ({"do": [SPAWN], "when": "labels.x is none"}, "triggers itself"),
        ({"do": [SEND], "on": "session.activity"}, "triggers itself: what is sent"),
        ({"do": [SEND], "on": "session.activity", "when": "doing == 'idle'"}, "triggers itself"),
        ({"on": "session.cancelled"}, "triggers itself: it stops"),
    ],
)
def test_a_wrong_rule_is_refused(fields: dict[str, Any], told: str) -> None:
    """With the key, and what is wrong with it."""
    found = list(check.problems("r", rule(**fields)))
    assert found, fields
    assert told in found[0].message


@pytest.mark.parametrize(
    "fields",
    [
        {"do": [SPAWN], "when": "not chain"},
        {"do": [SPAWN], "when": "agent == 'codex'"},
        {"do": [SPAWN], "when": "'coders.rules' not in labels"},
        {"do": [SPAWN], "when": "cause == 'exit'"},
        {"do": [SPAWN], "on": "message.dead"},
        {"do": [SEND], "on": "session.activity", "at_most": 3},
        {"do": [SEND], "on": "session.failed"},
        {"do": [{"stop": {"session": "{{ labels.peer }}"}}], "on": "session.cancelled"},
    ],
)
def test_what_cannot_be_seen_to_go_in_circles_is_not_refused(fields: dict[str, Any]) -> None:
    """The engine stops it when it does."""
    assert list(check.problems("r", rule(**fields))) == []


def test_a_trial_needs_an_event() -> None:
    """What is none is told in one line; what is not given is not known."""
    for data, told in (
        ({}, "kind is missing"),
        ({"kind": "session.failed", "dta": {}}, "there is no key 'dta'"),
        ({"kind": "session.failed", "session": {"agnt": "x"}}, "a session has no 'agnt'"),
        ({"kind": "session.failed", "session": {"labels": 3}}, "labels should hold"),
    ):
        with pytest.raises(errors.UsageError, match=told):
            trial("r", rule(), data)
    known = {"kind": "session.failed", "session": {"id": "abc", "agent": "claude"}}
    found = trial("r", rule(when="agent == 'claude'"), known)
    assert found.actions == (("stop", {"session": "abc", "reason": "stopped by a rule"}),)
