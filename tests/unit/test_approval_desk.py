"""What agents wait for gets into the queue once, and out of it, whatever dies or comes late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.models.approval import Answer
from coders_workers.approvals.desk import Desk
from coders_workers.approvals.press import Presser
from coders_workers.supervisor.terminal_view import Clock
from coders_workers.watchers.consequences import Consequences
from coders_workers.watchers.reactions import Reactions
from coders_workers.watchers.steady_clock import SteadyClock
from coders_workers.watchers.watchers import Watchers
from support.watch_room import WatchRoom

_RULE = "─" * 80
IDLE = f"● Done.\n{_RULE}\n❯ \n{_RULE}\n  ? for shortcuts"


def asks(command: str) -> str:
    return "\n".join(
        [
            *(f"● Bash({command})", _RULE, " Bash command", "", f"   {command}", "   Why", ""),
            *(" Do you want to proceed?", " ❯ 1. Yes", "   2. Yes, always", "   3. No", ""),
            " Esc to cancel",
        ]
    )


class Room(WatchRoom):
    """A host with a desk; keys change its pictures as the test says."""

    def __init__(self, state: Path, **approvals: Any) -> None:
        super().__init__(state)
        given = {"approvals": approvals}
        object.__setattr__(self.host, "settings", self.settings.model_validate(given))
        self.pressed: list[str] = []
        self.after: dict[str, str] = {}
        self.runtime.press = self._press
        self.runtime.unread = lambda directory: 0
        self.runtime.leave_copy_mode = lambda ref: None
        self.hire()

    def hire(self) -> None:
        """A worker begins: nothing is remembered."""
        clock = Clock(now=lambda: self.steady.now, sleep=self.steady.advance)
        presser = Presser(self.host, self.supervisor.deliverer, clock)
        self.desk = Desk(self.host, self.supervisor.watched.refs, presser)
        submit: Any = lambda work: work()  # noqa: E731
        self.desk._submit = submit  # type: ignore[method-assign]
        self.watchers = Watchers(
            self.host,
            self.supervisor.watched,
            Reactions(Consequences(self.host, self.supervisor.stopper), self.desk),
            SteadyClock(self.wall, self.steady),
        )

    def _press(self, ref: str, key: str) -> None:
        self.pressed.append(key)
        self.runtime.shown[ref] = self.after.get(key, self.runtime.shown[ref])

    def see(self, seconds: float = 3.0) -> None:
        """Time passes, and the desk tells."""
        self.turn(seconds)
        self.desk.turn()

    def kinds(self) -> list[str]:
        found = [event.kind for event in self.store.events()]
        return [kind.removeprefix("approval.") for kind in found if kind.startswith("approval.")]

    def commands(self) -> list[str | None]:
        return [one.call.command if one.call else None for one in self.store.approvals.list()]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_it_waits_once_and_is_gone_when_the_agent_goes_on(room: Room) -> None:
    """However often it is looked at; another command under the same question is another one."""
    ref = room.run("claude", "interactive")
    room.shows(ref, asks("make"))
    room.see()
    room.see(30)
    assert room.commands() == ["make"]
    room.shows(ref, asks("make install"))
    room.see()
    assert room.commands() == ["make install"]
    room.shows(ref, IDLE)
    room.see()
    assert room.commands() == []
    assert room.kinds() == ["opened", "gone", "opened", "gone"]


def test_the_next_worker_finds_what_the_last_one_left(room: Room) -> None:
    """What still waits is the same approval; what ceased to meanwhile is gone."""
    first, second = room.run("claude", "interactive"), room.run("claude", "interactive")
    for ref in (first, second):
        room.shows(ref, asks("make"))
    room.see()
    before = [one.id for one in room.store.approvals.list()]
    room.shows(first, IDLE)
    room.hire()
    room.see()
    after = [one.id for one in room.store.approvals.list()]
    assert len(before) == 2
    assert len(after) == 1
    assert after[0] in before
    assert room.kinds() == ["opened", "opened", "gone"]


def test_a_store_that_is_away_is_told_later(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is then; of what came and went in between, nothing."""
    ref = room.run("claude", "interactive")
    room.see()

    def away(*_: object) -> None:
        raise errors.Unavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(room.store.approvals, "open", away)
        room.shows(ref, asks("rm"))
        with pytest.raises(errors.Unavailable):
            room.see()
        room.shows(ref, asks("make"))
        with pytest.raises(errors.Unavailable):
            room.see()
    room.desk.turn()
    assert room.commands() == ["make"]
    assert room.kinds() == ["opened"]


def test_an_old_look_brings_nothing_back(room: Room) -> None:
    """The picture that was answered, seen again before the next look, is not asked again."""
    ref = room.run("claude", "interactive")
    room.shows(ref, asks("make"))
    room.see()
    (one,) = room.store.approvals.list()
    room.after = {"1": IDLE}
    answer = Answer(token="t", choice=1, text="Yes", by="person:ann", at=room.wall.now)
    room.store.approvals._clock = room.host.clock
    room.store.approvals.claim(one.id, answer)
    room.desk.give(one.id, "t")
    room.desk.give(one.id, "t")
    assert room.pressed == ["1"]
    room.desk._round_at = float("-inf")
    room.desk.turn()
    room.desk.turn()
    room.see()
    assert room.kinds() == ["opened", "claimed", "pressed", "answered"]
    room.shows(ref, asks("make"))
    room.see()
    assert room.kinds()[4:] == ["opened"]


@pytest.mark.parametrize(
    ("policy", "key", "by"),
    [
        ({"do": "allow", "command": "make*"}, "1", "policy:1"),
        ({"do": "deny", "command": "make*"}, "Escape", "policy:1"),
        ({"do": "ask", "timeout": 5}, "Escape", "timeout"),
    ],
)
def test_policies_and_time_press_for_themselves(
    tmp_path: Path, policy: dict[str, Any], key: str, by: str
) -> None:
    """Once, and it is told who it was."""
    room = Room(tmp_path, policies=[policy])
    room.store.approvals._clock = room.host.clock
    room.after = {"1": IDLE, "Escape": IDLE}
    ref = room.run("claude", "interactive")
    room.shows(ref, asks("make"))
    room.see(2)
    for _ in range(4):
        room.see(2)
    assert room.pressed == [key]
    assert [e.data["by"] for e in room.store.events() if e.kind == "approval.claimed"] == [by]
    assert room.kinds()[-1] == ("expired" if by == "timeout" else "answered")
    assert room.commands() == []


def test_a_dialog_that_takes_no_key_stays_open(tmp_path: Path) -> None:
    """A policy tries once; a denial for want of an answer is tried again, and nothing else is."""
    room = Room(tmp_path, policies=[{"do": "ask", "timeout": 5}])
    room.store.approvals._clock = room.host.clock
    ref = room.run("claude", "interactive")
    room.shows(ref, asks("make"))
    for _ in range(30):
        room.see(2)
    (one,) = room.store.approvals.list()
    assert set(room.pressed) == {"Escape"}
    assert 2 <= len(room.pressed) <= 4
    assert "still asks the same" in (one.failure or "")


def test_what_cannot_be_read_is_listed(room: Room) -> None:
    """With what its signals say of it, for a person at the terminal."""
    ref = room.run("opencode", "interactive")
    golden = Path(__file__).parents[1] / "golden" / "screens" / "opencode" / "1.18.33"
    question = next(golden.glob("120x40-*question*.txt"))
    room.shows(ref, question.read_text())
    room.see(1)
    assert room.store.approvals.list() == []
    room.see(5)
    (one,) = room.store.approvals.list()
    assert (one.digest, one.kind) == ("", "question")
    assert one.options
