"""Delivery to a host's sessions: one at a time for each, and no text that is no prompt."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.agents import registry
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers import attempt_dir
from coders_workers.runtimes.base import Look
from coders_workers.supervisor.deliver import Deliverer
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.terminal_view import Clock
from support.fake_terminal import FakeAdapter, FakeTerminal


class Agent(FakeAdapter):
    """The fake's adapter, as far as delivery needs one."""

    modes = ("interactive",)
    program = None
    pass_env = ()
    pass_env_when: dict[str, tuple[str, ...]] = {}  # noqa: RUF012


class Terminals:
    """A runtime with one terminal a session."""

    def __init__(self) -> None:
        self.of: dict[str, FakeTerminal] = {}

    def look(self, ref: str) -> Look:
        return self.of[ref].look()

    def unread(self, directory: Path) -> int | None:
        (fake,) = self.of.values()
        return fake.unread()

    def paste(self, ref: str, text: str) -> None:
        self.of[ref].paste(text)

    def press(self, ref: str, key: str) -> None:
        self.of[ref].press(key)

    def leave_copy_mode(self, ref: str) -> None:
        self.of[ref].leave_copy_mode()


@dataclasses.dataclass
class Room:
    """A host with a fake agent on it."""

    deliverer: Deliverer
    fake: FakeTerminal
    record: SessionRecord


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    fake = FakeTerminal()
    monkeypatch.setitem(registry._ADAPTERS, "fake", Agent(commands="/!"))  # type: ignore[arg-type]
    runtime: Any = Terminals()
    with tempfile.TemporaryDirectory() as directory:
        host: Any = Host(
            name="here", store=MemoryStore(), runtime=runtime, settings=Settings(),
            paths=Paths(Path(directory, "s")).ensure(), follow=Any, submit=lambda work: work(),  # type: ignore[arg-type]
            environ={"PATH": "/usr/bin:/bin", "HOME": directory},
        )  # fmt: skip
        spec = SessionSpec(
            agent="fake", mode="interactive", name="fix", workspace=DirectoryWorkspace(path="/")
        )
        session_id = str(uuid.uuid4())
        record = SessionRecord(
            id=session_id, state=State.RUNNING, attempt=1, spec=spec, host="here",
            created_at=1.0, started_at=2.0,
        )  # fmt: skip
        attempt_dir.create(host.paths.sessions, session_id, 1)
        runtime.of[ids.attempt_ref(session_id, 1)] = fake
        yield Room(Deliverer(host, fake.clock()), fake, record)


def test_a_session_gets_its_prompt(room: Room) -> None:
    """The receipt says what showed that it was taken."""
    receipt = room.deliverer.deliver(room.record, "fix it")
    assert room.fake.submitted == ["fix it"]
    assert receipt.sign == "working"


@pytest.mark.parametrize("text", ["/compact", "!rm", "  /help"])
def test_a_tool_s_own_command_is_no_prompt(room: Room, text: str) -> None:
    """It is refused before anything is typed, with the way to give it all the same."""
    with pytest.raises(errors.UsageError, match="command to fake") as raised:
        room.deliverer.deliver(room.record, text)
    assert "--raw" in (raised.value.hint or "")
    assert room.fake.pastes == 0


def test_nothing_is_no_prompt(room: Room) -> None:
    """An empty text is refused."""
    with pytest.raises(errors.UsageError, match="no text"):
        room.deliverer.deliver(room.record, " \n")


@pytest.mark.parametrize(
    ("text", "pasted"),
    [
        ("a\r\nb", "a\nb"),
        ("read @src", "read @src "),
        ("what is @src/x.py about", "what is @src/x.py about"),
        ("see docs/", "see docs/ "),
        ("ends in \\", "ends in \\ "),
        ("mail me@here, please", "mail me@here, please"),
    ],
)
def test_what_enter_would_not_send_is_made_to_be_sent(room: Room, text: str, pasted: str) -> None:
    """A last word that opens a list of completions gets a blank after it; line ends are one."""
    room.deliverer.deliver(room.record, text)
    assert room.fake.submitted == [pasted]


def test_a_text_that_was_left_in_the_box_is_taken_up(room: Room) -> None:
    """The same text sent again is not typed twice, and another one does not push it out."""
    room.fake.deaf = 1000
    with pytest.raises(errors.Undelivered, match="took no Enter"):
        room.deliverer.deliver(room.record, "fix it")
    with pytest.raises(errors.Undelivered, match=r"sent earlier stands unsent.*fix it"):
        room.deliverer.deliver(room.record, "something else")
    room.fake.deaf = 0
    room.deliverer.deliver(room.record, "fix it")
    assert room.fake.submitted == ["fix it"]
    assert room.fake.pastes == 1


def test_two_at_once_go_one_after_the_other(room: Room) -> None:
    """Neither is mixed into the other."""
    sleep, lock = room.fake.sleep, threading.Lock()

    def together(seconds: float) -> None:
        threading.Event().wait(0.001)
        with lock:
            sleep(seconds)

    room.deliverer._clock = Clock(now=lambda: room.fake.time, sleep=together)
    texts = [f"text {number} of them" for number in range(4)]
    threads = [
        threading.Thread(target=room.deliverer.deliver, args=(room.record, text, 60.0))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(room.fake.submitted) == texts


def test_a_turn_that_does_not_come_is_told(room: Room) -> None:
    """Whoever cannot begin in time because of another delivery learns that."""
    ref = ids.attempt_ref(room.record.id, 1)
    with (
        room.deliverer._turn(ref, "fix", 1.0),
        pytest.raises(errors.Undelivered, match="another text is being delivered"),
    ):
        room.deliverer.deliver(room.record, "fix it", timeout=0.05)
    assert room.fake.pastes == 0


def test_nothing_is_kept_of_sessions_that_are_done(room: Room) -> None:
    """What a delivery remembers goes with it."""
    room.deliverer.deliver(room.record, "fix it")
    assert room.deliverer._slots == {}


def test_what_an_earlier_worker_left_in_the_box_is_sent_from_there(room: Room) -> None:
    """Without a paste; anything else that stands there is a person's, and nothing is typed."""
    text = "Message 1-0, brought to you by coders: the branch is ready"
    room.fake.draft = text
    with pytest.raises(errors.Undelivered, match="a person's draft"):
        room.deliverer.deliver(room.record, text, 2.0)
    room.deliverer.deliver(room.record, text, left=text)
    assert (room.fake.submitted, room.fake.pastes) == ([text], 0)
    assert room.deliverer.left(room.record) is None
    assert not room.deliverer.took(room.record, text)  # it writes no transcript
