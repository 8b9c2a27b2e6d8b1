"""The host's own store: what it does while the fleet's is away, and tells it afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.models.activity import Activity
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.queue.delivery import Delivery
from coders_queue.store.memory import MemoryStore
from coders_workers.local_store.notebook import NAME, Notebook
from coders_workers.local_store.store import LocalStore
from support.local_stack import eventually

HERE = "here"


class Fleet:
    """A store that can be away. What it did before it stopped answering may have been done."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.away = False
        #: Whether a call is done before its answer is lost.
        self.deaf = False

    def close(self) -> None:
        """Needs no answer."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def call(*args: Any, **options: Any) -> Any:
            if self.away and not self.deaf:
                raise errors.Unavailable("gone")
            answer = method(*args, **options)
            if self.away:
                raise errors.Unavailable("did not answer")
            return answer

        return call


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def local(fleet: Fleet, tmp_path: Path) -> Iterator[LocalStore]:
    store = open_local(fleet, tmp_path)
    yield store
    store.close()


def open_local(fleet: Any, directory: Path) -> LocalStore:
    return LocalStore(fleet, HERE, Notebook(directory / NAME))


def spec(**changes: Any) -> SessionSpec:
    given = {
        "agent": "shell",
        "argv": ("true",),
        "owner": "me",
        "workspace": DirectoryWorkspace(path="/"),
    }
    return SessionSpec.model_validate({**given, **changes})


def run(store: Any, session_id: str, **changes: Any) -> None:
    """A session of this host that runs."""
    store.submit(session_id, spec(**changes), host=HERE)
    assert store.move(session_id, 1, State.STARTING)
    assert store.move(session_id, 1, State.RUNNING, pid=7, started_at=1.0)


def read(store: Any, session_id: str) -> SessionRecord:
    """A record that is there."""
    found = store.get(session_id)
    assert isinstance(found, SessionRecord)
    return found


def fine(session_id: str, attempts: int = 1) -> Outcome:
    return Outcome(id=session_id, state="succeeded", attempts=attempts, output="all of it")


def test_a_session_goes_on_and_ends_while_the_store_is_away(
    fleet: Fleet, local: LocalStore
) -> None:
    """And the store has its end when it is back, once."""
    run(local, "a")
    fleet.away = True
    assert read(local, "a").state is State.RUNNING
    assert local.away
    assert local.finish("a", 1, fine("a"))
    assert local.finish("a", 1, fine("a")) is False
    found = read(local, "a")
    assert found.state is State.SUCCEEDED
    fleet.away = False
    assert local.come_back()
    told = read(fleet.store, "a")
    assert told.outcome
    assert (told.state, told.outcome.output) == (State.SUCCEEDED, "all of it")
    assert not local.away
    kinds = [event.kind for event in fleet.store.events() if event.session == "a"]
    assert len(kinds) == len(set(kinds))


def test_what_is_not_known_here_is_not_gone(fleet: Fleet, local: LocalStore) -> None:
    """While the store is away nobody says that a session does not exist: its message came from
    there, and to take it for lost would fail it."""
    fleet.store.submit("elsewhere", spec())
    delivery = Delivery(local)
    assert delivery.arrive("nobody", None, {}, ()).verdict == "deliver"
    fleet.away = True
    for _ in range(2):  # the call that finds it out, and those after it
        with pytest.raises(errors.Unavailable, match="nothing is known here of session elsewhere"):
            delivery.arrive("elsewhere", None, {}, ())
    with pytest.raises(errors.Unavailable, match="nothing is known here"):
        local.request_cancel("elsewhere", "revoked")
    fleet.away = False
    assert local.come_back()
    assert delivery.arrive("elsewhere", None, {}, ()).verdict == "wait"


def test_a_session_of_the_time_alone_is_told_whole(fleet: Fleet, local: LocalStore) -> None:
    """Its start, its activity, its restart and its second attempt."""
    fleet.away = True
    run(local, "a", name="mine")
    for since in range(20):
        activity = Activity(doing="working", since=float(since), progress_at=1.0)
        assert local.note_activity("a", 1, activity)
    end = AttemptEnd(
        attempt=1, host=HERE, ended_at=2.0, cause=Cause(kind="signal", message="killed")
    )
    assert local.requeue("a", end, due_at=0.0, only_host=HERE, keeps_place=True)
    assert local.assign("a", HERE) == 2
    assert local.move("a", 2, State.STARTING)
    assert local.move("a", 2, State.RUNNING, pid=8, started_at=3.0)
    away = local.degraded()
    assert away is not None
    assert away["journal"] == 8  # of 20 activities the last alone
    fleet.away = False
    assert local.come_back()
    told = read(fleet.store, "a")
    assert (told.state, told.attempt, told.pid, told.spec.name) == (State.RUNNING, 2, 8, "mine")
    assert [one.cause.kind for one in told.history] == ["signal"]
    assert local.degraded() is None


def test_a_write_whose_answer_was_lost_is_done_once(fleet: Fleet, local: LocalStore) -> None:
    """It is written down although the store had done it; doing it again changes nothing."""
    run(local, "a")
    fleet.away = fleet.deaf = True
    assert local.submit("b", spec(), host=HERE).state is State.ASSIGNED
    fleet.deaf = False
    assert local.finish("a", 1, fine("a"))
    before = len(fleet.store.events())
    fleet.away = False
    assert local.come_back()
    assert [one.session for one in fleet.store.events()[before:]] == ["a"]
    assert len(fleet.store.list(host=HERE)) == 2


def test_what_was_written_down_outlives_the_worker(fleet: Fleet, tmp_path: Path) -> None:
    """The next one knows it, alone, and tells it."""
    first = open_local(fleet, tmp_path)
    run(first, "a")
    fleet.away = True
    assert first.get("a") is not None
    run(first, "b")
    first.close()
    second = open_local(fleet, tmp_path)
    try:
        assert second.away
        found = read(second, "b")
        assert found.state is State.RUNNING
        fleet.away = False
        assert second.come_back()
        assert second.degraded() is None
        told = read(fleet.store, "b")
        assert told.pid == 7
    finally:
        second.close()


def test_the_copy_outlives_the_worker(fleet: Fleet, tmp_path: Path) -> None:
    """Whoever starts while the store is away knows what ran."""
    run(fleet.store, "a")
    first = open_local(fleet, tmp_path)
    first.start()
    notebook = Notebook(tmp_path / NAME)
    eventually(notebook.records)
    notebook.close()
    first.close()
    fleet.away = True
    second = open_local(fleet, tmp_path)
    try:
        assert [record.id for record in second.list(live=True, host=HERE)] == ["a"]
    finally:
        second.close()


def test_alone_no_limit_is_passed(fleet: Fleet, tmp_path: Path) -> None:
    """Only in the place of a session that ended here does another begin."""
    limit = Limit(agent="shell", concurrency=3)
    fleet.store.set_limits({"few": limit})
    run(fleet.store, "elsewhere")
    local = open_local(fleet, tmp_path)
    try:
        run(local, "a")
        local._way.mirror.refresh(fleet)  # type: ignore[arg-type]
        fleet.away = True
        assert local.submit("b", spec(), host=HERE).state is State.QUEUED
        assert local.submit("c", spec(agent="codex"), host=HERE).state is State.ASSIGNED
        assert local.finish("a", 1, fine("a"))
        assert local.submit("d", spec(), host=HERE).state is State.ASSIGNED
        assert local.submit("e", spec(), host=HERE).state is State.QUEUED
        fleet.away = False
        assert local.come_back()
        states = {one.id: one.state for one in fleet.store.list()}
        assert (states["d"], states["b"]) == (State.ASSIGNED, State.QUEUED)
        assert fleet.store.admission().limits["few"].used <= 3
    finally:
        local.close()


def test_a_killed_session_stays_killed(fleet: Fleet, local: LocalStore) -> None:
    """Its end was asked for here while the store was away."""
    run(local, "a")
    fleet.away = True
    asked = local.request_cancel("a", "enough")
    assert asked is not None
    assert asked.cancel_reason == "enough"
    end = AttemptEnd(attempt=1, host=HERE, ended_at=2.0, cause=Cause(kind="exit", message="x"))
    assert local.requeue("a", end) is False
    fleet.away = False
    assert local.come_back()
    told = read(fleet.store, "a")
    assert told.cancel_reason == "enough"


def test_a_name_that_was_given_away_meanwhile_costs_no_session(
    fleet: Fleet, local: LocalStore
) -> None:
    """The one that ran alone goes on without it."""
    fleet.away = True
    run(local, "a", name="one")
    fleet.store.submit("b", spec(name="one"))
    fleet.away = False
    assert local.come_back()
    told = read(fleet.store, "a")
    assert (told.spec.name, told.state) == (None, State.RUNNING)


def test_what_a_host_cannot_do_alone_says_so(fleet: Fleet, local: LocalStore) -> None:
    """At once, and for what it does not know it says why."""
    fleet.away = True
    with pytest.raises(errors.Unavailable):
        local.ping()
    with pytest.raises(errors.Unavailable, match="gone"):
        local.set_limits({})
    with pytest.raises(errors.NotFound) as found:
        local.resolve("nobody")
    assert "broker is away" in str(found.value.hint)


def test_an_entry_that_cannot_be_read_is_kept_and_told(
    fleet: Fleet, local: LocalStore, tmp_path: Path
) -> None:
    """One of a newer version, or a broken one: the others are done, and it stays."""
    fleet.away = True
    run(local, "a")
    with sqlite3.connect(tmp_path / NAME) as database:
        row = "INSERT INTO journal (at, operation, session, entry) VALUES (1, ?, 'a', ?)"
        database.execute(row, ("teleport", '{"form": 1, "data": {}}'))
        database.execute(row, ("finish", "not json"))
        database.execute(row, ("finish", '{"form": 2, "data": {}}'))
        database.execute(row, ("move", '{"form": 1, "data": {}}'))
        database.execute(row, ("finish", '{"form": 1, "data": []}'))
    assert local.finish("a", 1, fine("a"))
    fleet.away = False
    assert local.come_back()
    told = read(fleet.store, "a")
    assert told.state is State.SUCCEEDED
    with sqlite3.connect(tmp_path / NAME) as database:
        kept = database.execute("SELECT operation, refused FROM journal").fetchall()
    assert [operation for operation, _ in kept] == [
        "teleport",
        "finish",
        "finish",
        "move",
        "finish",
    ]
    assert all(why for _, why in kept)


@pytest.mark.parametrize("content", [b"not a database, but long enough" * 200, b"SQLite format 3"])
def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path, content: bytes) -> None:
    """Never overwritten: somebody may still save what is in it."""
    (tmp_path / NAME).write_bytes(content)
    notebook = Notebook(tmp_path / NAME)
    assert notebook.put_aside is not None
    assert notebook.put_aside.read_bytes() == content
    assert notebook.records() == []
    notebook.close()


def test_a_full_disk_is_told(
    fleet: Fleet, local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written down is not done, and nothing says that it was."""
    run(local, "a")
    fleet.away = True
    assert local.get("a") is not None
    database = local._way.notebook._database
    database.execute(
        f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}"
    )
    big = Outcome(id="a", state="succeeded", output="x" * 200_000)
    with pytest.raises(errors.Unavailable, match="journal cannot be written"):
        local.finish("a", 1, big)
    found = read(local, "a")
    assert not found.state.ended
    database.execute("PRAGMA max_page_count = 100000")
    assert local.finish("a", 1, big)


def test_nothing_is_left_of_what_was_told(fleet: Fleet, local: LocalStore, tmp_path: Path) -> None:
    """A session's environment is in no file of the host's once it has ended and is told."""
    run(local, "a", env={"KEY": "sesame-a"})
    local._way.mirror.changed_all()
    local._way.mirror.refresh(fleet)  # type: ignore[arg-type]
    assert "sesame-a" in written(tmp_path)
    assert local.finish("a", 1, fine("a"))
    local._way.mirror.refresh(fleet)  # type: ignore[arg-type]
    assert "sesame-a" not in written(tmp_path)
    fleet.away = True
    run(local, "b", env={"KEY": "sesame-b"})
    assert "sesame-b" in written(tmp_path)
    assert local.finish("b", 1, fine("b"))
    fleet.away = False
    assert local.come_back()
    assert "sesame" not in written(tmp_path)


def written(directory: Path) -> str:
    """All bytes of the host's files."""
    return "".join(path.read_bytes().decode("latin-1") for path in directory.glob(f"{NAME}*"))
