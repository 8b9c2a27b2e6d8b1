"""A host's services when something goes wrong that nobody foresaw: every session still ends."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models import quorum
from coders_queue.models.launch import ExitStatus
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.restart import Restart
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers import archive, attempt_dir
from coders_workers.runtimes.base import Ended, Launch, OnEnd, Started
from coders_workers.supervisor.ended_attempt import EndedAttempt
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.supervisor import Supervisor
from coders_workers.supervisor.watch import Watched


class Scripted:
    """A runtime that does as the test says."""

    def __init__(self) -> None:
        self.start_fails: Exception | None = None
        self.over: Ended | None = None
        self.begun: Started | None = None
        self.stops = 0

    def start(self, launch: Launch, on_end: OnEnd, timeout: float = 10.0) -> Started:
        if self.start_fails is not None:
            raise self.start_fails
        self.begun = Started(pid=1, at=1_700_000_000.0)
        return self.begun

    def adopt(self, ref: str, directory: Path, on_end: OnEnd) -> bool:
        return self.over is None and self.begun is not None

    def started(self, directory: Path) -> Started | None:
        return self.begun

    def ended(self, directory: Path) -> Ended | None:
        return self.over

    def stop(self, ref: str, directory: Path, grace: float) -> None:
        self.stops += 1
        if self.begun is not None:
            (directory / attempt_dir.STOP).touch()

    def discard(self, ref: str) -> None:
        pass

    def abandon(self, *_: object) -> None:
        pass


class Follows:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.archives: list[tuple[str, int]] = []
        self.freed_places = 0

    def started(self, session_id: str, pid: int, at: float) -> None:
        pass

    def complete(self, session_id: str) -> None:
        pass

    def freed(self) -> None:
        self.freed_places += 1

    def archive(self, session_id: str, attempt: int) -> None:
        self.archives.append((session_id, attempt))

    def also_archive(self, limit: int) -> list[tuple[str, int]]:
        return []


class Room:
    """A host with a store in memory."""

    def __init__(self, state: Path) -> None:
        self.runtime: Any = Scripted()
        self.follow = Follows()
        self.store = MemoryStore()
        self.host = Host(
            name="here",
            store=self.store,
            runtime=self.runtime,
            settings=Settings(),
            paths=Paths(state).ensure(),
            follow=self.follow,
            submit=lambda work: work(),
            environ={"PATH": "/usr/bin:/bin", "HOME": "/"},
        )
        self.supervisor = Supervisor(self.host)

    def assigned(self, **fields: Any) -> str:
        session_id = ids.new_session_id()
        spec = SessionSpec(
            agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/"), **fields
        )
        self.store.submit(session_id, spec, host="here")
        return session_id

    def outcome(self, session_id: str) -> Outcome:
        record = self.store.get(session_id)
        assert record is not None
        assert record.outcome is not None
        return record.outcome


@pytest.fixture
def room() -> Iterator[Room]:
    with tempfile.TemporaryDirectory() as directory:
        yield Room(Path(directory, "s"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("surprise"), "internal"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), "internal"),
        (errors.Unavailable("tmux does not start: no"), "spawn"),
        (OSError(28, "No space left on device"), "spawn"),
    ],
)
def test_a_start_that_fails_ends_the_session(room: Room, error: Exception, kind: str) -> None:
    """Whatever a start raises, the session ends with it as the cause; it never hangs half-way."""
    session_id = room.assigned()
    room.runtime.start_fails = error
    assert room.supervisor.spawn(session_id, 1) is False
    outcome = room.outcome(session_id)
    assert outcome.state == "failed"
    assert outcome.cause is not None
    assert outcome.cause.kind == kind


def test_a_store_that_is_away_ends_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """When only the store fails after the start, the session goes on and is confirmed later."""
    session_id = room.assigned()
    move: Callable[..., bool] = room.store.move

    def away(session: str, attempt: int, target: State, **rest: Any) -> bool:
        if target is State.RUNNING:
            raise errors.Unavailable("away")
        return move(session, attempt, target, **rest)

    monkeypatch.setattr(room.store, "move", away)
    with pytest.raises(errors.Unavailable):
        room.supervisor.spawn(session_id, 1)
    monkeypatch.undo()
    room.supervisor.sweep(starting=True)
    record = room.store.get(session_id)
    assert record is not None
    assert record.state is State.RUNNING


def test_an_end_that_cannot_be_read_is_an_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what an agent left cannot be read, its session fails instead of running for ever."""
    session_id = room.assigned()
    assert room.supervisor.spawn(session_id, 1)
    room.runtime.over = Ended(status=ExitStatus(code=0), at=1_700_000_009.0)

    def unreadable(*_: object) -> None:
        raise ValueError("torn")

    monkeypatch.setattr("coders_workers.recording.tail_text", unreadable)
    assert room.supervisor.finisher.finish(session_id, 1)
    outcome = room.outcome(session_id)
    assert outcome.cause is not None
    assert outcome.cause.kind == "internal"
    assert "torn" in outcome.cause.message


def test_an_archived_attempt_is_let_go_of(room: Room) -> None:
    """A worker that died between archiving and removing leaves no directory for ever."""
    session_id = room.assigned()
    assert room.supervisor.spawn(session_id, 1)
    room.runtime.over = Ended(status=ExitStatus(code=0), at=1_700_000_009.0)
    room.supervisor.finisher.finish(session_id, 1)
    directory = attempt_dir.path(room.host.paths.sessions, session_id, 1)
    archive.archive_attempt(directory, room.host.paths.archive, session_id, 1, {})
    room.store.mark_archived(session_id, 1)
    room.follow.archives.clear()
    room.supervisor.sweep()
    assert room.follow.archives == [(session_id, 1)]
    room.supervisor.archive(session_id, 1)
    assert not directory.exists()


def test_an_end_seen_first_leaves_no_deadline() -> None:
    """A deadline that is set after the end was seen watches nothing."""
    watched = Watched(lambda work: work())
    watched.add("a_1")
    watched.on_end("a_1")
    watched.limit("a_1", 5.0)
    assert watched.deadlines() == {}
    assert "a_1" not in watched


def test_a_record_of_a_newer_version_stops_no_sweep(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record that cannot be read whole keeps no other session from being looked after."""
    bad, good = room.assigned(), room.assigned()
    attempt_dir.create(room.host.paths.sessions, bad, 1)
    get = room.store.get

    def newer(session_id: str) -> Any:
        if session_id == bad:
            raise errors.Conflict("written by another version")
        return get(session_id)

    monkeypatch.setattr(room.store, "get", newer)
    room.supervisor.sweep(starting=True)
    record = get(good)
    assert record is not None
    assert record.state is State.RUNNING


def test_a_removal_cut_short_is_finished(room: Room) -> None:
    """What a worker that died while it removed an attempt left is gone after the next start."""
    session_id = room.assigned()
    left = attempt_dir.create(room.host.paths.sessions, session_id, 1)
    (left / "output").write_text("half")
    left.rename(left.with_name(".1.gone"))
    other = attempt_dir.create(room.host.paths.sessions, ids.new_session_id(), 1)
    attempt_dir.finish_removals(room.host.paths.sessions)
    assert list(room.host.paths.sessions.iterdir()) == [other.parent]


def test_an_agent_is_asked_to_end_once(room: Room) -> None:
    """Sweeps during an agent's grace send it no second SIGTERM; a new worker asks once more."""
    session_id = room.assigned()
    assert room.supervisor.spawn(session_id, 1)
    room.store.request_cancel(session_id, "enough")
    assert room.supervisor.stop(session_id, 1)
    for _ in range(3):
        room.supervisor.sweep()
        assert room.supervisor.stop(session_id, 1)
    assert room.runtime.stops == 1
    again = Supervisor(room.host)
    again.sweep(starting=True)
    assert room.runtime.stops == 2


def test_a_deadline_is_told_from_a_person(room: Room) -> None:
    """A session stopped for its time ends as timed out; a person's reason is always a person's."""
    late = room.assigned(timeout=5.0)
    now = ManualClock()
    supervisor = Supervisor(replace(room.host, steady=now))
    assert supervisor.spawn(late, 1)
    now.advance(60.0)
    assert supervisor.deadlines() == 1
    room.runtime.over = Ended(status=ExitStatus(signal=15), at=1_700_000_060.0)
    assert supervisor.finisher.finish(late, 1)
    told = room.outcome(late).cause
    assert told is not None
    assert (told.kind, told.message) == ("timeout", "timeout: it ran for longer than 5 s")


def test_a_deadline_survives_a_change_of_the_clock(room: Room) -> None:
    """A machine that sets its clock, forward or back, gives a session no other time to run."""
    session_id = room.assigned(timeout=5.0)
    wall, now = ManualClock(), ManualClock()
    supervisor = Supervisor(replace(room.host, clock=wall, steady=now))
    assert supervisor.spawn(session_id, 1)
    wall.advance(86400.0)
    now.advance(4.9)
    assert supervisor.deadlines() == 0
    wall.advance(-2 * 86400.0)
    now.advance(0.1)
    assert supervisor.deadlines() == 1


def test_a_clock_set_back_holds_up_no_sweep(room: Room) -> None:
    """A session that was given to the host in what is the future now is brought up all the same;
    one that was given to it just now is left to its message."""
    session_id = room.assigned()
    now = ManualClock(time.time())
    supervisor = Supervisor(replace(room.host, clock=now))
    assert supervisor.sweep()["spawned"] == 0
    now.advance(-3600.0)
    assert supervisor.sweep()["spawned"] == 1
    record = room.store.get(session_id)
    assert record is not None
    assert record.state is State.RUNNING


def test_a_new_worker_counts_the_time_by_the_kernel(room: Room) -> None:
    """Of an agent that an earlier worker started, by the age of its process: no clock is asked."""
    session_id = room.assigned(timeout=3600.0)
    assert room.supervisor.spawn(session_id, 1)
    ticks = int((time.clock_gettime(time.CLOCK_BOOTTIME) - 5.0) * os.sysconf("SC_CLK_TCK"))
    room.runtime.begun = Started(pid=1, at=1_700_000_000.0, ticks=ticks)
    now = ManualClock()
    again = Supervisor(replace(room.host, clock=ManualClock(9e9), steady=now))
    again.sweep(starting=True)
    now.advance(3590.0)
    assert again.deadlines() == 0
    now.advance(6.0)
    assert again.deadlines() == 1


@pytest.mark.parametrize(
    "reason", ["timeout", "timeout: I am late", "timeout: it ran for longer than 5 s"]
)
def test_no_reason_of_a_person_passes_for_a_deadline(room: Room, reason: str) -> None:
    """Not even the very words of one."""
    session_id = room.assigned(timeout=5.0)
    assert room.supervisor.spawn(session_id, 1)
    room.store.request_cancel(session_id, reason)
    room.runtime.over = Ended(status=ExitStatus(signal=15), at=1_700_000_001.0)
    assert room.supervisor.finisher.finish(session_id, 1)
    told = room.outcome(session_id).cause
    assert told is not None
    assert (told.kind, told.message) == ("cancelled", reason)


def test_no_copy_of_settings_waits_for_an_archive(room: Room) -> None:
    """Of an attempt that never ran, or whose end a crash cut short, the archiver removes it."""
    session_id = room.assigned()
    room.runtime.start_fails = RuntimeError("no")
    assert room.supervisor.spawn(session_id, 1) is False
    directory = room.host.attempt_path(session_id, 1)
    (directory / "home/claude").mkdir(parents=True)
    (directory / "home/claude/.claude.json").write_text("{}")
    room.host.paths.archive.rmdir()
    room.host.paths.archive.write_text("in the way")
    with pytest.raises(errors.SetupError):
        room.supervisor.archiver.archive(session_id, 1)
    assert directory.is_dir()
    assert not (directory / "home").exists()


@pytest.mark.parametrize(
    ("kind", "resets_in", "kept"), [("rate-limited", 500, False), ("signal", None, True)]
)
def test_what_goes_on_soon_keeps_its_place(
    room: Room, monkeypatch: pytest.MonkeyPatch, kind: Any, resets_in: float | None, kept: bool
) -> None:
    """A crashed session keeps its place for its restart; one without quota leaves it, and tells."""
    policy = Restart(policy="on-crash", backoff=1.0)
    session_id = room.assigned(restart=policy)
    assert room.supervisor.spawn(session_id, 1)
    room.runtime.over = Ended(status=ExitStatus(code=137, signal=9), at=1_700_000_009.0)
    resets_at = None if resets_in is None else room.host.clock() + resets_in
    cause = Cause(kind=kind, message="as it says")
    outcome = Outcome(id=session_id, state="failed", exit_code=137, signal=9, cause=cause)
    monkeypatch.setattr(
        "coders_workers.supervisor.ended_attempt.read",
        lambda *_: EndedAttempt(outcome, resets_at=resets_at),
    )
    assert room.supervisor.finisher.finish(session_id, 1)
    record = room.store.get(session_id)
    assert record is not None
    assert record.state is State.QUEUED
    assert room.store.live_count(["here"]) == {"here": int(kept)}
    assert room.follow.freed_places == int(not kept)
    assert room.store.admission().exhausted == ({} if kept else {"shell": resets_at})


@pytest.mark.parametrize(
    ("reason", "told", "code", "state"),
    [
        (quorum.REASON, False, 0, "succeeded"),
        (quorum.REASON, False, 1, "cancelled"),
        (quorum.REASON, True, 0, "cancelled"),
        ("killed", False, 0, "cancelled"),
    ],
)
def test_who_was_done_before_it_was_told_has_succeeded(
    room: Room, reason: str, told: bool, code: int, state: str
) -> None:
    """An agent that no quorum needs any more keeps a success that nobody had cut short."""
    session_id = room.assigned()
    room.supervisor.spawn(session_id, 1)
    room.store.request_cancel(session_id, reason)
    if told:
        room.supervisor.stop(session_id, 1)
    room.runtime.over = Ended(ExitStatus(code=code), at=1_700_000_009.0)
    assert room.supervisor.finisher.finish(session_id, 1)
    assert room.outcome(session_id).state == state


def test_a_session_waits_for_its_shared_context(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While that cannot be read it stays assigned, and holds up no sweep; then it begins."""

    def away(*_: object) -> Any:
        raise errors.Unavailable("away")

    session_id = room.assigned(context=("team:web",))
    other = room.assigned()
    with monkeypatch.context() as patch:
        patch.setattr(room.store.context, "entries", away)
        with pytest.raises(errors.Unavailable):
            room.supervisor.spawn(session_id, 1)
        record = room.store.get(session_id)
        assert record is not None
        assert record.state is State.ASSIGNED
        assert room.runtime.begun is None
    assert room.supervisor.spawn(other, 1)
    room.store.context.put("team:web", "a", "x", author="person:ann")
    assert room.supervisor.spawn(session_id, 1)
    assert (room.host.attempt_path(session_id, 1) / "context.json").exists()
