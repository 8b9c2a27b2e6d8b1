"""What agents say of themselves, and what they declared: kept, found again, never trusted."""

from __future__ import annotations

import os
from pathlib import Path

from coders_queue.models.activity import Activity, Said
from coders_workers.supervisor import declared, session_socket
from coders_workers.supervisor.declared import Declared
from coders_workers.supervisor.sayings import Asking, Saying, Sayings
from support.watch_room import WatchRoom

SAID = Said(text="half", percent=50, at=7.0)


def test_a_report_shows_with_what_is_seen_and_is_progress(tmp_path: Path) -> None:
    """It is told at the next turn, over what the signals say, and keeps an agent from being
    stuck; a question makes it one that waits."""
    room = WatchRoom(tmp_path / "s", stuck_after=60)
    room.host.sayings.heard = room.watchers.heard
    ref = room.run("claude")
    room.turn(50)
    directory = room.directory(ref)
    room.host.sayings.change(ref, directory, lambda now: now.model_copy(update={"said": SAID}))
    room.turn(0.1)
    assert room.activity(ref).said == SAID
    room.turn(50)
    assert room.activity(ref).doing != "stuck"
    asks = (Asking(id="q", text="Which?", choices=("a", "b"), since=room.wall.now, until=1e12),)
    room.host.sayings.change(ref, directory, lambda now: now.model_copy(update={"asks": asks}))
    room.turn(0.1)
    seen = room.activity(ref)
    assert (seen.doing, seen.question, seen.choices) == ("waiting", "Which?", ("a", "b"))
    room.turn(100)
    assert room.activity(ref).doing == "waiting"
    room.host.sayings.change(ref, directory, lambda now: now.model_copy(update={"asks": ()}))
    room.turn(0.1)
    assert room.activity(ref).doing != "waiting"


def test_the_next_worker_knows_what_was_said(tmp_path: Path) -> None:
    """From the attempt's directory; what cannot be read there is nothing."""
    Sayings().change("r", tmp_path, lambda _now: Saying(said=SAID))
    later = Sayings()
    later.load("r", tmp_path, 0.0)
    found = later.of("r")
    assert found is not None
    assert found.said == SAID
    plain = Activity(doing="working", since=1, progress_at=1)
    assert found.over(plain, 0.0).said == SAID
    (tmp_path / "said.json").write_text("{")
    last = Sayings()
    last.load("r", tmp_path, 0.0)
    assert last.of("r") is None
    assert Saying().over(plain, 0.0) == plain


def test_a_declared_result_comes_back_as_it_was(tmp_path: Path) -> None:
    """And neither a link elsewhere nor a FIFO in its place is followed or waited for."""
    word = Declared(result={"score": [1, None]}, at=3.0)
    assert declared.read(tmp_path) is None
    declared.write(tmp_path, word)
    assert declared.read(tmp_path) == word
    file = tmp_path / declared.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    file.rename(other)
    file.symlink_to(other)
    assert declared.read(tmp_path) is None
    file.unlink()
    os.mkfifo(file)
    assert declared.read(tmp_path) is None


def test_an_attempt_keeps_its_token_until_it_is_over(tmp_path: Path) -> None:
    """Asked for again it is the same; another attempt has another; removed it is gone."""
    room = WatchRoom(tmp_path / "s")
    first, second = (tmp_path / "1", tmp_path / "2")
    first.mkdir()
    second.mkdir()
    own = session_socket.provide(room.host.paths, first, "a.1")
    assert session_socket.provide(room.host.paths, first, "a.1") == own
    assert session_socket.provide(room.host.paths, second, "a.2").token != own.token
    assert (first / session_socket.FILE).stat().st_mode & 0o777 == 0o600
    assert len(os.fsencode(own.socket)) < 104
    for ref in ("a.1", "a.2"):
        session_socket.place(room.host.paths, ref).parent.mkdir()
    session_socket.remove_others(room.host.paths, lambda: {"a.1"})
    left = [path.name for path in room.host.paths.session_sockets.iterdir()]
    assert left == [Path(own.socket).parent.name]
    session_socket.remove(room.host.paths, first, "a.1")
    assert session_socket.recall(first) is None
    assert not list(room.host.paths.session_sockets.iterdir())
