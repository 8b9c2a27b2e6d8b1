"""Attempts that are begun when they are due."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers import attempt_dir, workspace
from coders_workers.supervisor.due import DueStarts
from coders_workers.workspace import Prepared


class Room:
    """A host whose spawns are only noted."""

    def __init__(self, state: Path) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock)
        self.spawned: list[tuple[str, int]] = []
        self.host: Any = SimpleNamespace(
            name="here",
            store=self.store,
            clock=self.clock,
            settings=Settings(),
            paths=Paths(state).ensure(),
            submit=lambda work: work(),
        )
        spawner: Any = SimpleNamespace(spawn=lambda *which: self.spawned.append(which))
        self.steady = ManualClock(0.0)
        self.due = DueStarts(self.host, spawner, self.steady)

    def pass_by(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.advance(seconds)
        self.steady.advance(seconds)

    def waiting(self, seconds: float, only_host: str = "here") -> str:
        """A session whose first attempt is over, and whose next is due in so many seconds."""
        session_id = ids.new_session_id()
        spec = SessionSpec(agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/"))
        self.store.submit(session_id, spec, host=only_host)
        end = AttemptEnd(attempt=1, ended_at=self.clock(), cause=Cause(kind="lost", message="gone"))
        due_at = self.clock() + seconds
        assert self.store.requeue(session_id, end, due_at=due_at, only_host=only_host)
        return session_id


@pytest.fixture
def room() -> Iterator[Room]:
    with tempfile.TemporaryDirectory() as directory:
        yield Room(Path(directory, "s"))


def test_each_begins_when_it_is_due_and_once(room: Room) -> None:
    """Told of twice, it is begun once; the next due time is what is waited for."""
    later, sooner = room.waiting(20), room.waiting(10)
    for _ in range(2):
        room.due.add(later, room.clock() + 20)
        room.due.add(sooner, room.clock() + 10)
    assert room.due.begin_due() == 10
    room.pass_by(10)
    assert room.due.begin_due() == 10
    assert room.spawned == [(sooner, 2)]
    room.pass_by(10)
    assert room.due.begin_due() is None
    assert room.spawned == [(sooner, 2), (later, 2)]


def test_a_clock_that_is_set_makes_nobody_wait(room: Room) -> None:
    """Ten seconds are ten seconds, though the machine's clock goes back by an hour meanwhile."""
    session_id = room.waiting(10)
    room.due.add(session_id, room.clock() + 10)
    room.clock.advance(-3600)
    assert room.due.begin_due() == 10
    room.pass_by(10)
    assert room.due.begin_due() is None
    assert room.spawned == [(session_id, 2)]


def test_a_new_worker_takes_up_what_waits_here(room: Room) -> None:
    """What another host is to go on with is left to it."""
    here = room.waiting(0)
    room.waiting(0, only_host="elsewhere")
    assert room.due.load() == 1
    room.due.begin_due()
    assert room.spawned == [(here, 2)]


def test_a_store_that_is_away_is_asked_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is forgotten meanwhile."""
    session_id = room.waiting(0)
    room.due.add(session_id, room.clock())

    def away(_: str) -> None:
        raise errors.Unavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(room.store, "get", away)
        assert room.due.begin_due() == 1
    room.pass_by(1)
    room.due.begin_due()
    assert room.spawned == [(session_id, 2)]


def test_one_that_was_cancelled_lets_go_of_its_workspace(room: Room, tmp_path: Path) -> None:
    """It is not begun, and nothing of it stays."""
    session_id = room.waiting(5)
    shared = attempt_dir.session_path(room.host.paths.sessions, session_id)
    shared.mkdir(parents=True)
    workspace.remember(shared, Prepared(session_id=session_id, cwd=tmp_path, root=tmp_path))
    record = room.store.request_cancel(session_id, "enough")
    assert record is not None
    assert record.state is State.CANCELLED
    room.due.add(session_id, 0.0)
    assert room.due.begin_due() is None
    assert room.spawned == []
    assert not shared.exists()
    assert tmp_path.is_dir()
