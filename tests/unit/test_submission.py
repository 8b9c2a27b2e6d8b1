"""A text's way into a terminal, against a scripted agent: whole, once, or a reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from coders_queue import errors
from coders_workers.supervisor.submission import Receipt, Submission
from support.fake_terminal import FakeAdapter, FakeTerminal, become, end, thaw, typed

TEXT = "fix the bug in parser.py, then run its tests\nand say what was wrong"


def submit(fake: FakeTerminal, text: str = TEXT, **options: Any) -> Receipt:
    """Deliver; what the agent got is right whatever is raised: nothing, or the text once."""
    delivery = options.pop("delivery", {})
    left = options.pop("left", None)
    given: dict[str, Any] = {"label": "fix", "timeout": 15.0, "clock": fake.clock(), **options}
    submission = Submission(fake, FakeAdapter(**delivery), None, text, **given)
    try:
        return submission.carry_out(left=left)
    finally:
        assert fake.time <= given["timeout"] + 0.2
        assert fake.submitted in ([], [text])
        assert not [key for key in fake.keys if key.split(":")[0] in ("dialog", "waiting")]


def test_an_idle_agent_gets_it_at_once() -> None:
    """One paste, one Enter, and the agent's work as the sign."""
    fake = FakeTerminal()
    receipt = submit(fake)
    assert fake.submitted == [TEXT]
    assert (receipt.sign, receipt.presses, receipt.pastes) == ("working", 1, 1)
    assert not receipt.queued
    assert receipt.seconds < 1


def test_enter_comes_after_the_tools_pause() -> None:
    """Between paste and Enter lies the pause that the tool needs."""
    fake = FakeTerminal()
    submit(fake, delivery={"pause": 1.5})
    assert fake.time >= 1.5


@pytest.mark.parametrize("state", ["starting", "dialog", "waiting", "working", "unknown"])
def test_what_is_in_the_way_is_waited_out(state: str) -> None:
    """Nothing is typed into a start, a dialog, a question or a turn; afterwards it is."""
    fake = FakeTerminal(state=state, plan=[(4.0, become("idle"))])
    submit(fake)
    assert fake.submitted == [TEXT]
    assert fake.pastes == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("starting", "did not become ready"),
        ("dialog", r"asks at its start: 'Proceed\?' \(Yes / No\)"),
        ("waiting", r"waits for an answer: 'Proceed\?'"),
        ("working", "works and takes no text"),
        ("unknown", "could not be understood"),
    ],
)
def test_what_stays_in_the_way_is_named(state: str, words: str) -> None:
    """When nothing changes, the sender is told what it was, in time, and nothing was typed."""
    fake = FakeTerminal(state=state)
    with pytest.raises(errors.Undelivered, match=words) as raised:
        submit(fake)
    assert fake.pastes == 0
    assert fake.keys == []
    assert raised.value.hint
    assert "\n" not in raised.value.message


def test_a_person_s_draft_is_left_alone() -> None:
    """Nothing is typed over or after what a person has not sent yet; the message quotes it."""
    fake = FakeTerminal(draft="half a thought")
    with pytest.raises(errors.Undelivered, match="half a thought"):
        submit(fake)
    assert (fake.draft, fake.pastes, fake.keys) == ("half a thought", 0, [])


def test_a_draft_that_is_cleared_is_waited_out() -> None:
    """Once the person's text is gone, ours goes in."""

    def clear(fake: FakeTerminal) -> None:
        fake.draft = ""

    fake = FakeTerminal(draft="half a thought", plan=[(3.0, clear)])
    submit(fake)
    assert fake.submitted == [TEXT]


def test_copy_mode_is_left_first() -> None:
    """A person who scrolled back keeps no text from the agent, before the paste or after it."""

    def scroll(fake: FakeTerminal) -> None:
        fake.in_mode = True

    fake = FakeTerminal(in_mode=True, plan=[(0.3, scroll)])
    submit(fake)
    assert fake.submitted == [TEXT]


@pytest.mark.parametrize("swallowed", [1, 2])
def test_a_swallowed_enter_is_pressed_again(swallowed: int) -> None:
    """The text is not pasted again for it."""
    fake = FakeTerminal(deaf=swallowed)
    receipt = submit(fake)
    assert fake.submitted == [TEXT]
    assert (receipt.presses, receipt.pastes, fake.pastes) == (swallowed + 1, 1, 1)


def test_an_enter_that_is_never_taken_is_reported_and_the_text_kept() -> None:
    """The sender learns that the text stands there unsent; sent again, it is not typed twice."""
    fake = FakeTerminal(deaf=1000)
    with pytest.raises(errors.Undelivered, match="took no Enter"):
        submit(fake)
    assert fake.draft == TEXT
    assert 3 <= len(fake.keys) <= 12
    fake.deaf, fake.time = 0, 0.0
    receipt = submit(fake, left=TEXT)
    assert fake.submitted == [TEXT]
    assert receipt.pastes == 0


def test_the_same_text_of_a_person_is_a_draft() -> None:
    """Only a text that we left there is taken up again."""
    fake = FakeTerminal(draft=TEXT)
    with pytest.raises(errors.Undelivered, match="draft"):
        submit(fake)
    assert fake.submitted == []


def test_a_dialog_between_look_and_paste_costs_nothing() -> None:
    """The paste that a dialog swallowed is pasted again, once the box is there and empty."""
    fake = FakeTerminal(plan=[(3.0, become("idle"))])
    calm: list[Any] = [lambda _: None] * 4
    fake.on_look = [*calm, become("waiting")]
    receipt = submit(fake)
    assert fake.submitted == [TEXT]
    assert receipt.pastes == 2


def test_a_dialog_between_paste_and_enter_gets_no_enter() -> None:
    """Enter waits until the question is answered and the text is seen in the box again."""
    fake = FakeTerminal(plan=[(0.3, become("dialog")), (5.0, become("idle"))])
    receipt = submit(fake)
    assert fake.submitted == [TEXT]
    assert receipt.pastes == 1
    assert fake.time > 5


def test_a_dialog_after_enter_is_told_as_doubt() -> None:
    """When a question covers the box after Enter, nobody can say where the text is."""
    fake = FakeTerminal(turn=0, echo=False)
    fake.plan = [(0.41, become("dialog"))]
    with pytest.raises((errors.DeliveryInDoubt, errors.Undelivered), match=r"question|asks"):
        submit(fake)


def test_a_lost_paste_is_pasted_again_once() -> None:
    """A box that stays empty shows that nothing arrived."""
    fake = FakeTerminal(lose=1)
    assert submit(fake).pastes == 2
    assert fake.submitted == [TEXT]


def test_a_paste_that_never_shows_is_reported() -> None:
    """Two pastes without a trace are enough: nothing was sent."""
    fake = FakeTerminal(lose=100)
    with pytest.raises(errors.Undelivered, match="does not stand in"):
        submit(fake)
    assert fake.pastes == 2
    assert fake.keys == []


def test_a_late_paste_that_stands_twice_is_not_sent() -> None:
    """Should the first paste come in after the second, the box holds both: no Enter."""

    class Late(FakeTerminal):
        def paste(self, text: str) -> None:
            super().paste(text)
            if self.pastes == 2:
                super().paste(text)

    fake = Late(lose=1)
    with pytest.raises(errors.Undelivered, match="typed meanwhile"):
        submit(fake)
    assert fake.keys == []


def test_a_person_who_types_meanwhile_keeps_it_from_being_sent() -> None:
    """A box with more than our text is not sent; what stands there is told."""
    fake = FakeTerminal(plan=[(0.28, typed(" and my own words"))])
    with pytest.raises(errors.Undelivered, match="typed meanwhile"):
        submit(fake)
    assert fake.keys == []


@pytest.mark.parametrize("moment", [0.1, 0.3, 2.0])
def test_an_agent_that_dies_is_told(moment: float) -> None:
    """Whether anything was sent follows from when it died."""
    fake = FakeTerminal(turn=0, echo=False, plan=[(moment, end)], deaf=1000)
    expected = errors.DeliveryInDoubt if moment > 1 else errors.Undelivered
    with pytest.raises(expected, match="ended"):
        submit(fake)


def freeze(fake: FakeTerminal) -> None:
    """A happening: the agent reads nothing more."""
    fake.frozen = True


def test_an_agent_that_does_not_read_gets_one_enter() -> None:
    """Interfaces that read two Enters at once have sent a text twice: the second is not typed."""
    fake = FakeTerminal(plan=[(0.38, freeze), (6.0, thaw)])
    receipt = submit(fake)
    assert fake.submitted == [TEXT]
    assert receipt.presses == 1


def test_an_agent_that_does_not_read_gets_one_paste() -> None:
    """What waits unread is not lost."""
    fake = FakeTerminal(plan=[(0.19, freeze), (7.0, thaw)])
    receipt = submit(fake)
    assert fake.submitted == [TEXT]
    assert receipt.pastes == 1


def test_an_enter_that_is_never_read_is_doubt() -> None:
    """It may still be taken, after the sender was told."""
    fake = FakeTerminal(plan=[(0.38, freeze)])
    with pytest.raises(errors.DeliveryInDoubt, match="has not read the key"):
        submit(fake)
    assert fake.waiting == [""]


def test_a_start_that_does_not_read_is_waited_out() -> None:
    """Nothing is pasted while something still waits on the terminal."""
    fake = FakeTerminal(waiting=["x"], plan=[(3.0, lambda one: one.waiting.clear())])
    submit(fake)
    assert fake.submitted == [TEXT]
    assert fake.time > 3


def test_where_nothing_moves_more_time_passes() -> None:
    """The next Enter comes later when nothing shows that the agent came to the last one."""

    def redrawn(fake: FakeTerminal) -> None:
        fake.said.append("a tip")

    lively = FakeTerminal(deaf=1, plan=[(1.0, redrawn)])
    still = FakeTerminal(deaf=1)
    unknown = FakeTerminal(deaf=1, knows=False, plan=[(1.0, redrawn)])
    soon = submit(lively).seconds
    assert submit(still).seconds > soon + 1
    assert submit(unknown).seconds > soon + 1


def test_a_text_that_is_drawn_though_it_was_sent_is_not_sent_again() -> None:
    """The transcript has it, whatever an interface that is short of time still shows."""
    fake = FakeTerminal(deaf=1)
    assert submit(fake, written=lambda: fake.time > 1).sign == "transcript"
    assert fake.keys == ["idle:Enter"]


def test_a_look_that_fails_is_taken_again() -> None:
    """A tmux that was busy or lost for a moment costs nothing."""
    fake = FakeTerminal(away=[errors.TimedOut("busy"), errors.Unavailable("lost")])
    submit(fake)
    assert fake.submitted == [TEXT]


def test_a_tmux_that_stays_away_is_told() -> None:
    """Before Enter nothing was sent."""
    fake = FakeTerminal(away=[errors.TimedOut("tmux did not answer")] * 1000)
    with pytest.raises(errors.Undelivered, match="not sent: tmux did not answer"):
        submit(fake)


@pytest.mark.parametrize("error", [errors.Unavailable("lost"), errors.TimedOut("busy")])
def test_an_enter_in_question_is_doubt(error: Exception) -> None:
    """It may have been pressed: it is not pressed again."""

    class Lost(FakeTerminal):
        def press(self, key: str) -> None:
            super().press(key)
            raise error

    fake = Lost()
    with pytest.raises(errors.DeliveryInDoubt):
        submit(fake)
    assert fake.submitted == [TEXT]


def test_a_queueing_tool_is_not_waited_for() -> None:
    """A tool that keeps prompts for later gets it while it works."""
    fake = FakeTerminal(state="working", said=["hm"])
    receipt = submit(fake, delivery={"queues": True})
    assert receipt.queued
    assert fake.submitted == [TEXT]
    assert receipt.seconds < 2


def test_a_queue_that_shows_nothing_is_believed_after_a_while() -> None:
    """The box let go of the text right after Enter, while the agent was at work."""
    fake = FakeTerminal(state="working", echo=False)
    assert submit(fake, delivery={"queues": True}).sign == "queue"


def test_a_quick_turn_is_seen_by_its_traces() -> None:
    """An agent that was done before we looked again still shows the prompt that it took."""
    fake = FakeTerminal(turn=0)
    assert submit(fake).sign == "echo"
    fake = FakeTerminal(turn=0, echo=False, plan=[(0.9, lambda one: one.said.append("Done."))])
    assert submit(fake).sign == "screen"


def test_the_transcript_is_a_sign() -> None:
    """What the tool wrote down came in, whatever the screen shows."""
    fake = FakeTerminal(turn=0, echo=False)
    assert submit(fake, written=lambda: bool(fake.submitted)).sign == "transcript"


def test_an_empty_box_alone_is_doubt() -> None:
    """When the text left the box and nothing at all shows where to, the sender is told so."""
    fake = FakeTerminal(turn=0, echo=False)
    with pytest.raises(errors.DeliveryInDoubt, match="nothing shows"):
        submit(fake)
    assert len(fake.keys) == 1


def test_a_placeholder_stands_for_a_long_paste() -> None:
    """A box that hides a paste is sent; one that hides two is not."""
    fake = FakeTerminal(placeholder="[Pasted text #1 +59 lines]")
    submit(fake, "a line of text\n" * 60)
    assert len(fake.submitted) == 1
    twice = FakeTerminal(placeholder="[Pasted text #1 +59 lines][Pasted text #2 +59 lines]")
    with pytest.raises(errors.Undelivered):
        submit(twice, "a line of text\n" * 60)


def test_a_sender_who_went_away_types_nothing() -> None:
    """Ctrl-C while the agent is busy is the end of it."""
    fake = FakeTerminal(state="working")
    with pytest.raises(errors.Undelivered, match="went away"):
        submit(fake, abandoned=lambda: fake.time > 2)
    assert fake.pastes == 0


def test_a_screen_that_an_adapter_cannot_stand_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the reading of a screen is no reason to type into it."""

    def broken(*_: object) -> None:
        raise ValueError("what is this")

    monkeypatch.setattr(FakeAdapter, "observe_screen", broken)
    fake = FakeTerminal()
    with pytest.raises(errors.Undelivered, match="could not be understood"):
        submit(fake)
    assert fake.pastes == 0
