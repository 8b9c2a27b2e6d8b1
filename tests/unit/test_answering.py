"""Answers from anywhere: which choice is meant, who is told what, and when nobody takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models.approval import Approval, Option, new_id
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.queue.answering import Answering
from coders_queue.store.memory import MemoryStore

OPTIONS = (
    Option(text="Yes", means="allow"),
    Option(text="Yes, and don't ask again", means="always"),
    Option(text="Type something", means="write"),
    Option(text="No", means="deny"),
)


class Desk:
    """A fleet of one session, whose host does as the test says."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.store = MemoryStore(clock=self.clock)
        self.session = ids.new_session_id()
        spec = SessionSpec(agent="claude", name="fix", workspace=DirectoryWorkspace(path="/"))
        self.store.submit(self.session, spec, host="here")
        for state in (State.STARTING, State.RUNNING):
            self.store.move(self.session, 1, state, pid=1)
        self.sent: list[tuple[str, str]] = []
        self.host: Callable[[str, str], object] = self.takes
        self.answering = Answering(self.store, self, self.clock, self.clock.advance)

    def answer(self, host: str, approval_id: str, token: str, ttl: float) -> None:
        self.sent.append((host, approval_id))
        self.host(approval_id, token)

    def takes(self, approval_id: str, token: str) -> None:
        self.store.approvals.begin(approval_id, token)
        self.store.approvals.settle(approval_id, token)

    def asks(self, **fields: Any) -> Approval:
        given = {"digest": "d", "kind": "permission", "options": OPTIONS, **fields}
        one = Approval(
            id=new_id(self.session, 1, str(fields), self.clock.now),
            session=self.session,
            attempt=1,
            name="fix",
            host="here",
            owner="ann",
            agent="claude",
            text="Proceed?",
            since=self.clock.now,
            **given,
        )
        return self.store.approvals.open(one)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("choice", "number", "deny"),
    [
        (None, 1, False),
        ("1", 1, False),
        ("yes", 1, False),
        ("Yes, and", 2, False),
        ("4", 4, True),
        ("no", 4, True),
    ],
)
def test_a_choice_is_meant_by_number_or_first_words(
    desk: Desk, choice: str | None, number: int, deny: bool
) -> None:
    """The answer's own words before longer ones; a no is a denial however it is said."""
    one = desk.asks()
    answer = desk.answering.answer("fix", by="person:ann", choice=choice).answer
    assert answer is not None
    assert (answer.choice, answer.deny) == (number, deny)
    assert desk.sent == [("here", one.id)]


@pytest.mark.parametrize(
    ("choice", "error", "told"),
    [
        ("9", errors.UsageError, "has no answer '9'"),
        ("maybe", errors.UsageError, "there are: 1 Yes / 2 Yes, and"),
        ("", errors.UsageError, "has no answer"),
        ("3", errors.UsageError, "opens a field to write in"),
        ("y", errors.Ambiguous, "fits several answers"),
    ],
)
def test_a_choice_there_is_not_is_told(
    desk: Desk, choice: str, error: type[errors.CodersError], told: str
) -> None:
    """With those there are; nothing sets out."""
    desk.asks()
    with pytest.raises(error) as raised:
        desk.answering.answer("fix", by="person:ann", choice=choice)
    assert told in str(raised.value)
    assert desk.sent == []


def test_a_question_has_no_plain_yes(desk: Desk) -> None:
    """It has to be said which."""
    desk.asks(kind="question", options=(Option(text="Red"), Option(text="Blue")))
    with pytest.raises(errors.UsageError, match="say which answer: 1 Red / 2 Blue"):
        desk.answering.answer("fix", by="person:ann")


def test_a_host_that_takes_nothing_is_told_in_time(desk: Desk) -> None:
    """Within 15 seconds, and what comes late presses nothing; where a key may have been pressed,
    that is said."""
    one = desk.asks()
    late: list[str] = []
    desk.host = lambda _, token: late.append(token)
    began = desk.clock.now
    with pytest.raises(errors.TimedOut, match="nothing was pressed"):
        desk.answering.answer(one.id, by="person:ann")
    assert desk.clock.now - began <= 15
    assert desk.store.approvals.begin(one.id, late[0]) is None
    desk.host = desk.store.approvals.begin
    with pytest.raises(errors.DeliveryInDoubt, match="may have been pressed"):
        desk.answering.answer(one.id, by="person:ann")


def test_what_the_host_met_is_told(desk: Desk) -> None:
    """Its own words; where the broker takes no message, the answer is free again at once."""
    one = desk.asks()
    desk.host = lambda at, token: desk.store.approvals.fail(at, token, "fix: asks something else")
    with pytest.raises(errors.Undelivered, match="asks something else"):
        desk.answering.answer(one.id, by="person:ann")

    def away(*_: object) -> None:
        raise errors.Unavailable("the broker is away")

    desk.host = away
    with pytest.raises(errors.Unavailable):
        desk.answering.answer(one.id, by="person:ann")
    desk.host = desk.takes
    assert desk.answering.answer(one.id, by="person:ann").state == "answered"


def test_who_may_not_and_what_cannot_be_answered(desk: Desk) -> None:
    """Not by the session itself, not where its terminal cannot be read, not what is unknown."""
    with pytest.raises(errors.NotFound, match="waits for nothing"):
        desk.answering.answer("fix", by="person:ann")
    with pytest.raises(errors.NotFound, match="no approval or session"):
        desk.answering.answer("nobody", by="person:ann")
    desk.asks(digest="")
    with pytest.raises(errors.Conflict, match="cannot be answered from here"):
        desk.answering.answer("fix", by="person:ann")
    desk.asks(digest="e")
    with pytest.raises(errors.Conflict, match="cannot answer what it asks itself"):
        desk.answering.answer("fix", by=f"session:{desk.session}")
    assert desk.sent == []


def test_what_an_agent_asks_by_itself_takes_words(desk: Desk) -> None:
    """One of its choices, or others; several of them are told apart by their ids."""
    first = desk.asks(kind="ask", options=(), digest="")
    second = desk.asks(kind="ask", options=(Option(text="Red"),), digest="")
    with pytest.raises(errors.Ambiguous, match="several answers"):
        desk.answering.answer("fix", by="person:ann", choice="x")
    with pytest.raises(errors.UsageError, match="asks for words"):
        desk.answering.answer(first.id, by="person:ann")
    for one, words, number in ((first, "do it", None), (second, "red", 1)):
        answer = desk.answering.answer(one.id, by="person:ann", choice=words).answer
        assert answer is not None
        assert (answer.choice, (answer.text or "").lower()) == (number, words)
    assert desk.sent == []


def test_of_an_agent_that_is_over_nothing_waits(desk: Desk) -> None:
    """Whoever asks first sees to it: its host may be dead."""
    one = desk.asks()
    desk.store.request_cancel(desk.session, "test")
    outcome = Outcome(id=desk.session, state="cancelled", ended_at=desk.clock.now)
    assert desk.store.finish(desk.session, 1, outcome)
    assert desk.answering.waiting() == []
    assert desk.store.approvals.get(one.id) is not None
    with pytest.raises(errors.Conflict, match="waits no more"):
        desk.answering.answer(one.id, by="person:ann")
