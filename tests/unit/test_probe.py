"""The probe: what the watchers and the watch on launchers missed, it finds."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from coders_queue.models.launch import ExitStatus
from coders_workers.runtimes.base import Ended
from coders_workers.supervisor import stuck_mark
from coders_workers.watchers.probe import Probe
from support.watch_room import WatchRoom

PERIOD = 15.0


class Room(WatchRoom):
    """A watch room with a probe, and what it tells of ends."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, on_stuck="stop")
        self.ends: list[str] = []
        self.supervisor.watched.ended = self.ends.append
        self.probe = Probe(self.host, self.watchers, self.supervisor.watched, PERIOD)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "s")


def test_an_end_that_nobody_saw_is_found(room: Room) -> None:
    """An attempt that is over and still under watch is told of once; the watch comes first."""
    ref, alive = room.run("shell"), room.run("shell")
    over = Ended(status=ExitStatus(code=0), at=room.wall.now)
    room.runtime.over[room.directory(ref)] = over
    assert room.probe.run() == {"sessions": 2, "ends": 0}
    room.wall.advance(2)
    room.steady.advance(2)
    assert room.probe.run() == {"sessions": 1, "ends": 1}
    assert room.probe.run() == {"sessions": 1, "ends": 0}
    assert room.ends == [ref]
    assert alive in room.supervisor.watched


def test_a_launcher_that_vanished_unseen_is_found(room: Room) -> None:
    """One that left no word is over at once, whatever the time of its death."""
    ref = room.run("shell")
    lost = Ended(status=ExitStatus(lost=True), at=room.wall.now)
    room.runtime.over[room.directory(ref)] = lost
    assert room.probe.run()["ends"] == 1
    assert room.ends == [ref]


def test_a_change_that_the_watchers_are_blind_to_is_found(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a turn of the watchers, a probe sees the stream, and ends who is stuck."""
    ref = room.run("claude", stuck_after=60)
    monkeypatch.setattr(room.watchers, "turn", lambda: None)
    room.prints(ref, '{"type": "system", "subtype": "init", "session_id": "s"}')
    room.turn(1)
    assert room.activity(ref).doing == "starting"
    room.probe.run()
    room.turn(0.1)
    assert room.activity(ref).doing == "working"
    room.turn(61)
    room.probe.run()
    room.probe.run()
    room.turn(0.1)
    assert room.activity(ref).doing == "stuck"
    assert stuck_mark.read(room.directory(ref)) is not None
    assert room.runtime.stopped == [ref]


def test_two_at_once_do_what_one_does(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has nothing to do while the first is under way."""
    room.run("shell")
    entered, leave = threading.Event(), threading.Event()
    whole = room.watchers.probe

    def slow() -> int:
        entered.set()
        assert leave.wait(10)
        return whole()

    monkeypatch.setattr(room.watchers, "probe", slow)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(room.probe.run()))
    thread.start()
    assert entered.wait(10)
    assert room.probe.run() == {"sessions": 0, "ends": 0}
    leave.set()
    thread.join(10)
    assert found == [{"sessions": 1, "ends": 0}]


def test_without_beat_the_host_probes_by_itself(room: Room) -> None:
    """A probe that does not come is made up for; one that came is not repeated."""
    assert not room.probe.run_if_late()
    room.steady.advance(PERIOD)
    room.probe.run()
    room.steady.advance(PERIOD)
    assert not room.probe.run_if_late()
    room.steady.advance(PERIOD)
    assert room.probe.run_if_late()
    assert not room.probe.run_if_late()


def test_a_sweep_that_beat_had_done_is_not_repeated(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's own timer is for the time without beat."""
    swept: list[float] = []
    monkeypatch.setattr(room.supervisor.sweeper, "sweep", lambda: swept.append(0.0) or {})
    room.supervisor.sweep()
    room.steady.advance(3)
    room.supervisor.sweep_unless_done(5)
    assert len(swept) == 1
    room.steady.advance(3)
    room.supervisor.sweep_unless_done(5)
    assert len(swept) == 2
