"""Decisions: whatever the order, the doubling and the lateness, the same end, and nothing twice."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coders_queue.flows.decide import Plan, decide, remake
from coders_queue.flows.decision import Decision
from coders_queue.flows.facts import Facts, Halt, RunKey
from coders_queue.flows.submission import Submission
from coders_queue.models.outcome import Outcome
from support.flow_engine import Engine, outcome, submission

WORDS = ("good", "bad")


@st.composite
def flows(draw: st.DrawFn, *, stops: bool = True, quorums: bool = True) -> dict[str, Any]:
    """A small flow with everything in it."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 7)))]
    some = st.sampled_from
    steps: dict[str, Any] = {}
    for number, name in enumerate(names):
        before = names[:number]
        step: dict[str, Any] = {"retries": draw(st.integers(0, 2))}
        if before:
            step["needs"] = draw(st.lists(some(before), max_size=2, unique=True))
            step["after"] = draw(st.lists(some(before), max_size=1, unique=True))
            match draw(st.integers(0, 5)):
                case 0:
                    step["when"] = f"steps.{draw(some(before))}.state == 'succeeded'"
                case 1:
                    step["task"] = f"after {{{{ steps.{draw(some(before))}.result }}}}"
        if draw(st.booleans()):
            step["each"] = [f"i{n}" for n in range(draw(st.integers(0, 3)))]
            if quorums and step["each"] and draw(st.booleans()):
                step["quorum"] = draw(st.integers(1, len(step["each"])))
        if draw(st.integers(0, 3)) == 0:
            choices = ("stop", "continue", "ignore") if stops else ("continue", "ignore")
            step["on_failure"] = draw(some(choices))
        steps[name] = step
    for name in draw(st.lists(some(names), max_size=2, unique=True)):
        behind = _before(steps, name)
        steps[name]["go_back"] = {
            "to": draw(some(sorted(behind | {name}))),
            "when": draw(some(("round < 3", "'bad' in (outcome | string)", "state != 'failed'"))),
            "at_most": draw(st.integers(1, 2)),
            "exhausted": draw(some(("fail", "continue"))),
        }
    on_failure = draw(some(("stop", "continue"))) if stops else "continue"
    return {"steps": steps, "on_failure": on_failure}


def _before(steps: dict[str, Any], name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        step = steps[waiting.pop()]
        named = [*step.get("needs", ()), *step.get("after", ())]
        waiting += [one for one in named if one not in found]
        found.update(named)
    return found


def answers(seed: int) -> Any:
    """How each run ends: any way, but always the same."""

    def answer(key: RunKey) -> Outcome:
        chance = random.Random(f"{seed} {key}")
        result = chance.choice(WORDS)
        match chance.randint(0, 5):
            case 0:
                return outcome("failed", result=result, ended_at=5.0)
            case 1:
                return outcome("cancelled", chance.choice(("timeout", "cancelled")), ended_at=5.0)
        return outcome(result=result, ended_at=5.0)

    return answer


def shape(decision: Decision) -> Any:
    """What must not depend on the order."""
    return decision.state, decision.result, decision.cause, dict(decision.steps)


SEEDS = st.integers(0, 10**6)


@given(flows(), SEEDS, SEEDS)
@settings(max_examples=150, deadline=None)
def test_a_flow_ends_and_leaves_nothing_running(data: dict[str, Any], seed: int, mix: int) -> None:
    """Each run is asked for once and ends; no step waits for ever; rounds are bounded."""
    engine = Engine(submission(data), answers(seed), random.Random(mix))
    decision = engine.run()
    assert decision.over
    assert not engine.live
    assert set(engine.started) == set(engine.outcomes)
    states = {view.state for view in decision.steps.values()}
    assert states <= {"succeeded", "failed", "skipped", "cancelled"}
    if decision.state == "succeeded":
        assert all(
            view.state in ("succeeded", "skipped")
            or engine.submission.flow.steps[name].on_failure == "ignore"
            for name, view in decision.steps.items()
        )
    loops = [s.go_back.at_most for s in engine.submission.flow.steps.values() if s.go_back]
    assert max(key.round for key in engine.started or [RunKey("x")]) <= 1 + sum(loops)


@given(flows(stops=False, quorums=False), SEEDS, SEEDS, SEEDS)
@settings(max_examples=150, deadline=None)
def test_the_order_of_outcomes_does_not_matter(
    data: dict[str, Any], seed: int, one: int, two: int
) -> None:
    """Whichever session ends first: the same runs, asked to be the same, and the same end."""
    first = Engine(submission(data), answers(seed), random.Random(one))
    second = Engine(submission(data), answers(seed), random.Random(two))
    assert shape(first.run()) == shape(second.run())
    assert first.started == second.started


@given(flows(quorums=False), SEEDS, SEEDS, SEEDS)
@settings(max_examples=80, deadline=None)
def test_a_flow_that_stops_has_failed_in_any_order(
    data: dict[str, Any], seed: int, one: int, two: int
) -> None:
    """What was under way when it stopped may differ, how the flow ended does not."""
    first = Engine(submission(data), answers(seed), random.Random(one)).run()
    second = Engine(submission(data), answers(seed), random.Random(two)).run()
    assert first.state == second.state


@given(flows(), SEEDS, SEEDS)
@settings(max_examples=80, deadline=None)
def test_a_late_decision_asks_for_nothing_new(data: dict[str, Any], seed: int, mix: int) -> None:
    """What followed from fewer facts is asked for by now, word for word, or not wanted any more."""
    engine = Engine(submission(data), answers(seed), random.Random(mix))
    seen: list[Facts] = []
    for _ in range(500):
        seen.append(engine.facts())
        if engine.decide().over:
            break
        for key in engine.live[: engine.chance.randint(0, 2)]:
            engine.end(key)
    last = engine.facts()
    again = decide(Plan(engine.submission), last)
    assert not again.starts
    for facts in seen:
        plan = Plan(engine.submission)
        late = decide(plan, facts)
        assert decide(plan, facts) == late
        for start in late.starts:
            assert engine.started[start.key] == start
        for start in remake(plan, facts, [*late.again]):
            assert engine.started[start.key] == start
        assert {start.key for start in remake(plan, facts, late.again)} == set(late.again)


@given(flows(), SEEDS, SEEDS, st.integers(0, 6), st.sampled_from(("cancelled", "timeout")))
@settings(max_examples=80, deadline=None)
def test_a_cancelled_flow_starts_nothing_and_ends_all(
    data: dict[str, Any], seed: int, mix: int, when: int, kind: Any
) -> None:
    """Whenever it happens; a flow that was done by then stays as it is."""
    engine = Engine(submission(data), answers(seed), random.Random(mix))
    for _ in range(when):
        if (decision := engine.decide()).over:
            break
        for key in engine.live[:1]:
            engine.end(key)
    else:
        decision = decide(Plan(engine.submission), engine.facts())
    was_live, asked = set(engine.live), set(engine.started)
    engine.halt = Halt(kind, "enough")
    stopped = engine.decide()
    assert not stopped.starts
    assert set(stopped.cancels) == was_live
    assert stopped.state == "stopping" if was_live else stopped.over
    final = engine.run()
    assert set(engine.started) == asked
    if all(view.state in ("succeeded", "skipped") for view in final.steps.values()):
        # all that was cancelled was what a quorum had no need of
        assert final.state == "succeeded"
    elif not decision.over:
        assert final.state == ("cancelled" if kind == "cancelled" else "failed")
        assert final.cause == "enough"
    elif decision.state == "succeeded" and not any(map(_killed, engine.outcomes.values())):
        assert final.state == "succeeded"


def _killed(ended: Outcome) -> bool:
    return ended.cause is not None and ended.cause.kind == "cancelled"


@given(flows(), SEEDS, SEEDS)
@settings(max_examples=80, deadline=None)
def test_a_resumed_flow_goes_on_from_what_failed(data: dict[str, Any], seed: int, mix: int) -> None:
    """With sessions that succeed now, it succeeds; what had succeeded and rests on nothing that ran
    again does not run again."""
    engine = Engine(submission(data), answers(seed), random.Random(mix))
    if engine.run().state == "succeeded":
        return
    before = dict(engine.outcomes)
    engine.resume()
    engine.answer = lambda key: outcome(result="good")
    loops = any(step.go_back for step in engine.submission.flow.steps.values())
    final = engine.run()
    assert loops or final.state == "succeeded"
    again = {key.step for key in engine.started if key.generation == 1}
    for key in engine.started:
        if key.generation == 0 or key.round > 1:
            continue
        done = [old for old in before if old[:3] == key[:3] and before[old].ok]
        waits = engine.submission.waits[key.step].all
        assert not done or again & _resting(engine.submission, waits) or loops


def _resting(flow: Submission, names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += [one for one in flow.waits[name].all if one not in found]
    return found


def _decided(data: dict[str, Any], outcomes: dict[RunKey, Outcome], **facts: Any) -> Decision:
    found = Facts.of(outcomes, started=frozenset(outcomes), **facts)
    return decide(Plan(submission(data)), found)


def test_a_quorum_cancels_the_rest() -> None:
    """Three of five are enough: the other two are ended, and only then the step is done."""
    data = {"steps": {"a": {"each": [1, 2, 3, 4, 5], "quorum": 3}, "b": {"needs": ["a"]}}}
    engine = Engine(submission(data))
    keys = [start.key for start in engine.decide().starts]
    assert len(keys) == 5
    for key in keys[1:4]:
        engine.end(key)
    decision = decide(Plan(engine.submission), engine.facts())
    assert decision.cancels == (keys[0], keys[4])
    assert decision.steps["a"].state == "running"
    engine.decide()
    decision = engine.decide()
    assert decision.steps["a"].state == "succeeded"
    assert [start.key.step for start in decision.starts] == ["b"]


def test_a_quorum_that_cannot_be_reached_fails_at_once() -> None:
    """Under `stop` the rest is not waited for."""
    data = {"steps": {"a": {"each": [1, 2, 3], "quorum": 2}}}
    engine = Engine(submission(data))
    keys = [start.key for start in engine.decide().starts]
    engine.end(keys[0], outcome("failed"))
    assert engine.decide().state == "running"
    engine.end(keys[1], outcome("failed"))
    decision = engine.decide()
    assert (decision.state, decision.cancels) == ("stopping", (keys[2],))
    final = engine.decide()
    assert final.state == "failed"
    assert final.cause == "step a failed: 0 of 3 succeeded, and 2 had to"


def test_a_failure_is_tried_again_later_but_not_a_cancellation() -> None:
    """After the delay that was asked for, counted from the end of the try before."""
    data = {"steps": {"a": {"retries": 1, "retry_delay": "10s"}}}
    key = RunKey("a")
    decision = _decided(data, {key: outcome("failed", ended_at=100.0)})
    assert [start.key for start in decision.starts] == [RunKey("a", None, 1, 1)]
    assert decision.starts[0].not_before == 110.0
    assert _decided(data, {key: outcome("cancelled", "timeout")}).starts
    assert _decided(data, {key: outcome("cancelled", "cancelled")}).state == "failed"
    both = {key: outcome("failed"), RunKey("a", None, 1, 1): outcome("failed")}
    assert _decided(data, both).state == "failed"


def test_what_a_step_said_is_data() -> None:
    """An answer that looks like a template, or like an attack, arrives as it is."""
    evil = "{{ steps }}{% for x in y %}{{ ''.__class__ }}"
    data = {"steps": {"a": {}, "b": {"task": "It said: {{ steps.a.result }}"}}}
    decision = _decided(data, {RunKey("a"): outcome(result=evil)})
    assert decision.starts[0].spec["task"] == f"It said: {evil}"


def test_a_template_that_fails_is_a_failed_step_with_its_reason() -> None:
    """No session is started for it, and none is tried again."""
    data = {"steps": {"a": {}, "b": {"task": "{{ steps.a.result.x }}", "retries": 3}}}
    decision = _decided(data, {RunKey("a"): outcome(result="text")})
    assert decision.state == "failed"
    assert decision.cause == "step b failed: task: it has no 'x': it is a text"


def test_one_who_comes_after_deals_with_a_failure() -> None:
    """The flow goes on to it, and has failed all the same, unless the failure is ignored."""
    data: dict[str, Any] = {
        "steps": {
            "a": {},
            "tell": {"when": "steps.a.state == 'failed'", "task": "{{ steps.a.output }}"},
        }
    }
    bad = {RunKey("a"): outcome("failed", output="no luck")}
    decision = _decided(data, bad)
    assert decision.starts[0].spec["task"] == "no luck"
    done = {**bad, RunKey("tell"): outcome()}
    assert _decided(data, done).state == "failed"
    data["steps"]["a"]["on_failure"] = "ignore"
    assert _decided(data, done).state == "succeeded"
    assert _decided(data, {RunKey("a"): outcome()}).steps["tell"].state == "skipped"


def test_two_reviewers_go_back_together() -> None:
    """A round is over when both are done; the next one sees what both had said."""
    back = {"to": "make", "when": "result == 'bad'", "at_most": 2}
    task = "{% if round > 1 %}{{ previous.one.result }} {{ previous.two.result }}{% endif %}"
    data = {
        "steps": {
            "make": {"task": "go " + task},
            "one": {"needs": ["make"], "go_back": back},
            "two": {"needs": ["make"], "go_back": back},
            "end": {"needs": ["one", "two"]},
        }
    }
    outcomes = {RunKey("make"): outcome(), RunKey("one"): outcome(result="bad")}
    assert [start.key.step for start in _decided(data, outcomes).starts] == ["two"]
    outcomes[RunKey("two")] = outcome(result="good")
    again = _decided(data, outcomes).starts
    assert [start.key for start in again] == [RunKey("make", None, 2)]
    assert again[0].spec["task"] == "go bad good"


def test_a_loop_that_is_used_up_fails_or_goes_on() -> None:
    """As it says; resumed, it may go back as often again."""
    back: dict[str, Any] = {"to": "a", "when": "true", "at_most": 1}
    data = {"steps": {"a": {"go_back": back}}}
    twice = {RunKey("a", None, n): outcome() for n in (1, 2)}
    decision = _decided(data, twice)
    assert decision.state == "failed"
    assert decision.cause == "step a failed: it would go back to a once more than 1 times"
    resumed = _decided(data, twice, generation=1)
    assert [start.key for start in resumed.starts] == [RunKey("a", None, 3, 0, 1)]
    back["exhausted"] = "continue"
    assert _decided(data, twice).state == "succeeded"


def test_the_result_is_that_of_the_last_step_or_as_the_flow_says() -> None:
    """Several last steps give a mapping; a step without a result gives what it printed."""
    data: dict[str, Any] = {"steps": {"a": {}}}
    done = {RunKey("a"): outcome(result={"x": 1}), RunKey("b"): outcome(output="printed")}
    assert _decided(data, done).result == {"x": 1}
    data["steps"]["b"] = {}
    assert _decided(data, done).result == {"a": {"x": 1}, "b": "printed"}
    data["result"] = {"n": "{{ steps.a.result.x }}", "text": "n is {{ steps.a.result.x }}"}
    assert _decided(data, done).result == {"n": 1, "text": "n is 1"}


def test_the_session_of_a_run_is_always_the_same() -> None:
    """Its id follows from the flow's and from the run; a key is text and back."""
    key = RunKey("a", 3, 2, 1, 4)
    assert RunKey.parse(str(key)) == key
    assert RunKey.parse(str(RunKey("a"))) == RunKey("a")
    flow = "6f2c1c1e-0000-4000-8000-000000000000"
    assert key.session_id(flow) == key.session_id(flow)
    ids = {RunKey("a", n, r).session_id(flow) for n in range(3) for r in range(1, 3)}
    assert len(ids) == 6
    assert replace(Facts(), generation=1).generation == 1
