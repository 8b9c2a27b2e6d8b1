"""What ended sessions left on a host goes when its time is over; nothing else ever does."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec, WorktreeWorkspace
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers import archive, attempt_dir, workspace
from coders_workers.cleanup.cleaner import Cleaner
from coders_workers.runtimes.base import Ended
from coders_workers.supervisor.host import Host
from support.scratch_git import git, isolate, make_repository

DAY = 86400.0
WORKING = DirectoryWorkspace(path="/")


class Terminals:
    """A runtime with terminals; no attempt of it lives."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.lives: set[Path] = set()

    def refs(self) -> set[str]:
        return set(self.names)

    def discard(self, ref: str) -> None:
        self.names.discard(ref)

    def started(self, directory: Path) -> object | None:
        return directory if directory in self.lives else None

    def ended(self, directory: Path) -> Ended | None:
        return None


class Room:
    """A host whose clock the test moves."""

    def __init__(self, state: Path) -> None:
        self.clock = ManualClock(time.time())
        self.store = MemoryStore(clock=self.clock, retention=7 * DAY)
        self.runtime: Any = Terminals()
        unused: Any = None
        self.host = Host(
            name="here",
            store=self.store,
            runtime=self.runtime,
            settings=Settings(),
            paths=Paths(state).ensure(),
            follow=unused,
            submit=lambda work: work(),
            environ={},
            clock=self.clock,
        )
        self.presence: int | None = 0
        self.cleaner = Cleaner(self.host, lambda: self.presence)

    def session(self, *, over: bool = True, **fields: Any) -> str:
        session_id = ids.new_session_id()
        spec = SessionSpec.model_validate(
            {"agent": "shell", "argv": ("true",), "workspace": WORKING, **fields}
        )
        self.store.submit(session_id, spec, host="here")
        assert self.store.move(session_id, 1, State.STARTING)
        assert self.store.move(session_id, 1, State.RUNNING, pid=1, started_at=self.clock())
        if over:
            self.end(session_id)
        return session_id

    def end(self, session_id: str) -> None:
        outcome = Outcome(id=session_id, state="succeeded", host="here", ended_at=self.clock())
        assert self.store.finish(session_id, 1, outcome)
        self.store.settle(session_id)

    def archived(self, session_id: str) -> Path:
        directory = attempt_dir.create(self.host.paths.sessions, session_id, 1)
        (directory / "output").write_text("x" * 10_000)
        archive.archive_attempt(directory, self.host.paths.archive, session_id, 1, {})
        attempt_dir.remove(directory)
        return archive.location(self.host.paths.archive, session_id, 1)

    def clean(self, *, dry_run: bool = False) -> dict[str, list[str]]:
        """What goes, by kind."""
        found: dict[str, list[str]] = {}
        for one in self.cleaner.clean(dry_run=dry_run).removed:
            found.setdefault(one.kind, []).append(one.what)
        return found


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    isolate(tmp_path, monkeypatch)
    return Room(tmp_path / "s")


def test_archives_go_when_their_time_is_over(room: Room) -> None:
    """Not before, and not that of a live session; a dry run says the same and touches nothing."""
    place = room.archived(room.session())
    live = room.archived(room.session(over=False))
    assert room.clean() == {}
    room.clock.advance(31 * DAY)
    before = room.cleaner.clean(dry_run=True)
    assert place.exists()
    after = room.cleaner.clean()
    assert before.removed == after.removed
    assert [one.what for one in after.removed if one.kind == "archive"] == [str(place)]
    assert after.bytes > 0
    assert not place.parent.exists()
    assert archive.complete(live) is not None
    assert room.clean() == {}


def test_a_session_directory_without_attempts_goes(room: Room) -> None:
    """Of a session that has ended, or is unknown; never that of a live one, or a new one."""
    root = room.host.paths.sessions
    over, live, young = room.session(), room.session(over=False), ids.new_session_id()
    for session_id in (over, live, young):
        attempt_dir.session_path(root, session_id).mkdir()
        (root / session_id / "workspace.json").write_text("{}")
    assert room.clean() == {}
    room.clock.advance(7200)
    os.utime(root / young, (room.clock(), room.clock()))
    assert room.clean() == {"attempt": [str(root / over)]}
    assert {path.name for path in root.iterdir()} == {live, young}


def test_an_attempt_that_cannot_be_archived_goes_at_last(room: Room) -> None:
    """When its archive would be old enough to go, too; and only if nothing of it runs."""
    root = room.host.paths.sessions
    dead, alive = (
        attempt_dir.create(root, room.session(), 1),
        attempt_dir.create(root, room.session(), 1),
    )
    room.runtime.lives.add(alive)
    room.clock.advance(29 * DAY)
    assert room.clean() == {}
    room.clock.advance(2 * DAY)
    assert room.clean() == {"attempt": [str(dead)]}
    assert alive.is_dir()


def test_logs_that_were_put_aside_go(room: Room) -> None:
    """By their age; the file that is being written stays whatever its age."""
    logs = room.host.paths.logs
    for name in ("worker.log", "worker.log.1", "beat.log.12", "notes.txt"):
        (logs / name).write_text("x")
    room.clock.advance(31 * DAY)
    new = logs / "worker.log.2"
    new.write_text("x")
    os.utime(new, (room.clock(), room.clock()))
    assert sorted(room.clean()["log"]) == [str(logs / "beat.log.12"), str(logs / "worker.log.1")]
    assert {path.name for path in logs.iterdir()} == {"worker.log", "worker.log.2", "notes.txt"}


def test_terminals_of_ended_attempts_go(room: Room) -> None:
    """Those of live sessions, and those in which a launcher may be at work, stay."""
    over, live, begun = room.session(), room.session(over=False), ids.new_session_id()
    attempt_dir.create(room.host.paths.sessions, begun, 1)
    room.runtime.names = {ids.attempt_ref(one, 1) for one in (over, live, begun)}
    assert room.clean() == {"terminal": [ids.attempt_ref(over, 1)]}
    assert room.runtime.names == {ids.attempt_ref(one, 1) for one in (live, begun)}


@pytest.fixture
def daemon() -> Iterator[Any]:
    started: list[subprocess.Popen[bytes]] = []

    def start(session_id: str, *words: str) -> subprocess.Popen[bytes]:
        environ = {"CODERS_SESSION_ID": session_id, "CODERS_ATTEMPT": "1", "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen(words or ("sleep", "60"), env=environ, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_processes_left_behind_are_ended(room: Room, daemon: Any) -> None:
    """Of sessions that this host knows to have ended here: no other's, and nothing of ours."""
    over, live = room.session(), room.session(over=False)
    elsewhere = ids.new_session_id()
    left, other, foreign = daemon(over), daemon(live), daemon(elsewhere)
    ours = daemon(over, "tail", "-f", "/dev/null", "--pid=1", "coders_workers")
    assert room.clean() == {}  # it may be about to end by itself
    room.clock.advance(60)
    assert room.clean(dry_run=True) == {"process": [f"sleep (pid {left.pid})"]}
    assert left.poll() is None
    room.clean()
    assert left.wait(10) == -9
    assert [one.poll() for one in (other, foreign, ours)] == [None, None, None]


def test_an_archive_tells_of_a_forgotten_session(room: Room, daemon: Any) -> None:
    """A session whose record has expired was here, and is over, when its archive is here."""
    session_id = ids.new_session_id()
    left = daemon(session_id)
    assert room.clean() == {}
    room.archived(session_id)
    assert room.clean() == {"process": [f"sleep (pid {left.pid})"]}
    assert left.wait(10) == -9


def _worktree(room: Room, repository: Path, name: str, **fields: Any) -> workspace.Prepared:
    spec = WorktreeWorkspace(repository=str(repository))
    session_id = room.session(workspace=spec, **fields)
    return workspace.prepare(
        spec,
        session_id=session_id,
        attempt=1,
        name=name,
        worktrees_root=room.host.paths.worktrees,
        branch_prefix="coders/",
    )


def test_worktrees_go_unless_work_would_be_lost(room: Room, tmp_path: Path) -> None:
    """Untracked, changed, stashed and under-way work keeps one for ever; a live session, too."""
    repository = make_repository(tmp_path / "repo")
    trees = {
        name: _worktree(room, repository, name, over=name != "live")
        for name in ("clean", "committed", "untracked", "changed", "detached", "live")
    }
    (trees["committed"].root / "new").write_text("x")
    git(trees["committed"].root, "add", "new")
    git(trees["committed"].root, "commit", "-q", "-m", "new")
    (trees["untracked"].root / "draft").write_text("x")
    (trees["changed"].root / "kept").write_text("x")
    git(trees["detached"].root, "checkout", "-q", "--detach")
    git(trees["detached"].root, "commit", "-q", "--allow-empty", "-m", "held by nothing")
    assert room.clean() == {}
    room.clock.advance(15 * DAY)
    dry = room.cleaner.clean(dry_run=True)
    assert all(tree.root.is_dir() for tree in trees.values())
    report = room.cleaner.clean()
    gone = {one.what for one in report.removed if one.kind == "worktree"}
    assert gone == {str(trees[name].root) for name in ("clean", "committed")}
    assert {one.what for one in dry.removed if one.kind == "worktree"} == gone
    why = {one.what: one.why for one in report.kept}
    assert why.pop(str(trees["detached"].root)).startswith("no branch or tag holds its commit")
    assert why == {
        str(trees[name].root): "it has work that is not committed"
        for name in ("untracked", "changed")
    }
    assert trees["live"].root.is_dir()
    assert git(repository, "log", "-1", "--format=%s", "coders/committed") == "new"


def test_a_worktree_that_a_live_session_uses_stays(room: Room, tmp_path: Path) -> None:
    """Another session may have been sent into it."""
    repository = make_repository(tmp_path / "repo")
    tree = _worktree(room, repository, "shared")
    room.session(over=False, workspace=DirectoryWorkspace(path=str(tree.root / "sub")))
    room.clock.advance(15 * DAY)
    (kept,) = room.cleaner.clean().kept
    assert (kept.what, kept.why) == (str(tree.root), "a live session works in it")


def test_nothing_is_cleaned_while_the_store_is_away(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host alone does not know what has ended; nor may what it thought then be done later."""
    refs = {ids.attempt_ref(room.session(), 1) for _ in range(3)}
    room.runtime.names = set(refs)
    room.presence = None
    with pytest.raises(errors.Unavailable, match="nobody knows"):
        room.cleaner.clean()
    room.presence = 1
    discard = room.runtime.discard

    def away_meanwhile(ref: str) -> None:
        discard(ref)
        room.presence = 2

    monkeypatch.setattr(room.runtime, "discard", away_meanwhile)
    assert len(room.cleaner.clean().removed) == 1
    assert len(room.runtime.names) == 2


def test_what_cannot_be_removed_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """And keeps nothing else from going."""
    first, second = sorted((room.session(), room.session()))
    room.runtime.names = {ids.attempt_ref(one, 1) for one in (first, second)}
    discard = room.runtime.discard

    def fails(ref: str) -> None:
        if ref.startswith(first):
            raise errors.Unavailable("tmux does not answer")
        discard(ref)

    monkeypatch.setattr(room.runtime, "discard", fails)
    report = room.cleaner.clean()
    assert [one.what for one in report.removed] == [ids.attempt_ref(second, 1)]
    assert report.kept[0].why == "it cannot be removed: tmux does not answer"
