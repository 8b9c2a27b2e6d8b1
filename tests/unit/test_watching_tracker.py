"""What an agent is doing, told from several signals over time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue.models.observation import Observation, ObservedState, Source, Step
from coders_queue.watching.limits import Limits
from coders_queue.watching.tracker import Tracker

BEGIN = 1_000_000.0
LIMITS = Limits(starting=20, thinking=60, tool=300, repeats=4)


def tracker(**fields: Any) -> Tracker:
    return Tracker(BEGIN, fields.pop("limits", LIMITS), **fields)


def seen(state: ObservedState, source: Source = "screen", **fields: Any) -> Observation:
    return Observation(state=state, source=source, **fields)


def call(number: int, what: str = "run", back: str | None = "done") -> tuple[Step, ...]:
    made = (Step(kind="call", id=f"c{number}", digest=what, name="Bash"),)
    if back is None:
        return made
    return (*made, Step(kind="return", id=f"c{number}", digest=back))


@pytest.mark.parametrize(
    ("words", "doing"),
    [
        ([(1, seen("working"))], "working"),
        ([(1, seen("error", message="no"))], "idle"),
        ([(1, seen("dialog", question="Trust it?"))], "starting"),
        # the later word counts
        ([(1, seen("working")), (2, seen("idle", "hook"))], "idle"),
        ([(1, seen("idle", "hook")), (3, seen("working"))], "working"),
        # a screen is late by a moment
        ([(1, seen("waiting", "hook")), (1.3, seen("working"))], "waiting"),
        # transcripts lag behind screens
        ([(1, seen("waiting")), (1.2, seen("working", "transcript"))], "waiting"),
        ([(1, seen("unknown")), (1.2, seen("working", "transcript"))], "working"),
        # retries that the screen shows as its ordinary line of work
        ([(1, seen("rate_limited", "transcript", message="429")), (9, seen("working"))],
         "rate_limited"),
        ([(1, seen("rate_limited", "transcript", message="429")), (9, seen("idle"))], "idle"),
        ([(1, seen("rate_limited", "transcript", message="429")),
          (8, seen("working", "transcript")), (9, seen("working"))], "working"),
        # half of a screen may be drawn
        ([(1, seen("idle")), (2, seen("unknown"))], "idle"),
        ([(1, seen("idle")), (2, seen("unknown")), (12, seen("unknown"))], "unknown"),
        # a headless run has its stream alone
        ([(1, seen("working", "stream")), (2, seen("idle", "hook"))], "working"),
        ([(1, seen("exited", "hook"))], "starting"),
    ],
)  # fmt: skip
def test_the_signals_together_tell(words: list[tuple[float, Observation]], doing: str) -> None:
    """Each signal is believed for what it can know, and the last word of the better one counts."""
    one = tracker()
    for after, observation in words:
        one.observe(observation, BEGIN + after)
    assert one.activity(BEGIN + words[-1][0]).doing == doing


def test_a_question_comes_with_its_choices() -> None:
    """The screen adds its choices to the question that a hook told of, which began then."""
    one = tracker()
    one.observe(seen("waiting", "hook", question="Bash: rm x"), BEGIN + 1)
    assert one.activity(BEGIN + 1).question == "Bash: rm x"
    one.observe(seen("waiting", question="Run it?", choices=("Yes", "No")), BEGIN + 1.3)
    told = one.activity(BEGIN + 1.3)
    assert (told.question, told.choices, told.source) == ("Run it?", ("Yes", "No"), "screen")


def test_since_is_when_it_began() -> None:
    """Later looks that show the same do not make it newer."""
    one = tracker()
    for after in (3, 4, 5):
        one.observe(seen("idle"), BEGIN + after)
        assert one.activity(BEGIN + after).since == BEGIN + 3


def test_a_limit_says_when_it_ends() -> None:
    """The reset time and the reason come along, and are gone with the limit."""
    one = tracker()
    one.observe(seen("rate_limited", resets_at=BEGIN + 99, message="limit reached"), BEGIN + 1)
    told = one.activity(BEGIN + 50)
    assert (told.doing, told.resets_at, told.why) == ("rate_limited", BEGIN + 99, "limit reached")
    one.observe(seen("working"), BEGIN + 100)
    assert one.activity(BEGIN + 100).resets_at is None


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ([], 20),
        ([seen("starting")], 20),
        ([seen("working")], 60),
        ([seen("working", "stream", steps=call(1, back=None))], 300),
        ([seen("working", "stream", steps=call(1))], 60),
    ],
)
def test_it_is_stuck_at_its_limit(words: list[Observation], limit: float) -> None:
    """Without progress it counts as stuck at the limit of what it is at, and not before."""
    one = tracker()
    for observation in words:
        one.observe(observation, BEGIN)
    assert one.activity(BEGIN + limit - 0.01).doing != "stuck"
    assert one.due() == BEGIN + limit
    told = one.activity(BEGIN + limit)
    assert (told.doing, told.since) == ("stuck", BEGIN + limit)
    assert f"{limit} s" in (told.why or "")


@pytest.mark.parametrize("state", ["idle", "waiting", "rate_limited", "dialog"])
def test_who_waits_is_never_stuck(state: ObservedState) -> None:
    """An agent that waits for a person, a prompt or its quota trips nothing, however long."""
    one = tracker()
    one.observe(seen(state, question="What?"), BEGIN)
    assert one.activity(BEGIN + 10).doing != "stuck"
    assert one.due() is None
    assert one.activity(BEGIN + 10**6).doing != "stuck"


def test_a_question_at_the_start_does_not_use_up_its_time() -> None:
    """Once it is answered, the start has its whole time again."""
    one = tracker()
    one.observe(seen("dialog", question="Trust it?"), BEGIN + 1)
    one.observe(seen("dialog", question="Trust it?"), BEGIN + 500)
    one.observe(seen("starting"), BEGIN + 501)
    assert one.activity(BEGIN + 515).doing == "starting"
    assert one.activity(BEGIN + 521).doing == "stuck"


def test_progress_ends_it() -> None:
    """Whatever comes of it, it is not stuck any more."""
    one = tracker()
    one.observe(seen("working"), BEGIN)
    assert one.activity(BEGIN + 61).doing == "stuck"
    one.progress(BEGIN + 62)
    assert one.activity(BEGIN + 62).doing == "working"
    assert one.activity(BEGIN + 122).doing == "stuck"


def test_a_failure_is_no_progress() -> None:
    """Tries that fail, over and over, do not count as something that comes of it."""
    one = tracker()
    one.observe(seen("working", "stream"), BEGIN)
    for after in range(1, 60):
        one.observe(seen("working", "stream", message="HTTP 500; trying again"), BEGIN + after)
    assert one.activity(BEGIN + 60).doing == "stuck"


def test_the_same_over_and_over_is_stuck() -> None:
    """The same action with the same outcome is a loop, and something new ends it."""
    one = tracker()
    for number in range(4):
        assert one.activity(BEGIN + number).doing != "stuck"
        one.observe(seen("working", "stream", steps=call(number)), BEGIN + number)
    told = one.activity(BEGIN + 4)
    assert told.doing == "stuck"
    assert "Bash" in (told.why or "")
    assert "4 times" in (told.why or "")
    one.observe(seen("working", "stream", steps=call(9, back="other")), BEGIN + 5)
    assert one.activity(BEGIN + 5).doing == "working"


def test_an_agent_that_tells_nothing_is_never_stuck_unasked() -> None:
    """A command that prints nothing for a day does what it does, unless a limit was given."""
    one = tracker(tells=False)
    assert one.activity(BEGIN + 10**5).doing == "unknown"
    assert one.due() is None
    asked = tracker(tells=False, limits=Limits(silent=30))
    assert asked.activity(BEGIN + 29).doing == "unknown"
    assert asked.activity(BEGIN + 30).doing == "stuck"


_STATES: list[ObservedState] = [
    "starting", "dialog", "idle", "working", "waiting", "rate_limited", "error", "exited", "unknown"
]  # fmt: skip
_EVENT = st.tuples(
    st.floats(0, 40),
    st.sampled_from(_STATES),
    st.sampled_from(["screen", "hook", "transcript"]),
    st.booleans(),
)


@given(st.lists(_EVENT, max_size=30))
def test_whatever_is_said_in_whatever_order(
    events: list[tuple[float, ObservedState, Source, bool]],
) -> None:
    """It always has an answer, which says no more than it may, and times never run backwards."""
    one, now, before = tracker(), BEGIN, BEGIN
    for pause, state, source, moved in events:
        now += pause
        one.observe(seen(state, source, question="?"), now)
        if moved:
            one.progress(now)
        told = one.activity(now)
        assert told.since <= now
        assert before <= told.progress_at <= now
        before = told.progress_at
        assert (told.question is None) or told.doing in ("waiting", "starting")
        due = one.due()
        assert due is None or told.doing == "stuck" or due > now


@given(st.lists(st.floats(0.1, 30), max_size=60))
def test_stuck_is_silence_and_nothing_else(pauses: list[float]) -> None:
    """However often a working screen is looked at, it is stuck exactly when nothing came of it for
    as long as its limit."""
    one, now = tracker(), BEGIN
    one.observe(seen("working"), now)
    for pause in pauses:
        now += pause
        one.observe(seen("working"), now)
        assert (one.activity(now).doing == "stuck") == (now - BEGIN >= 60)
