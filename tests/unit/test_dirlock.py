"""The lock on a directory."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coders_queue import errors
from coders_workers import dirlock


def test_one_thread_at_a_time(tmp_path: Path) -> None:
    """Between reading and writing nobody else gets in."""
    counter = tmp_path / "counter"
    counter.write_text("0")

    def add(_: int) -> None:
        with dirlock.hold(tmp_path, 30) as held:
            assert held
            counter.write_text(str(int(counter.read_text()) + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert counter.read_text() == "40"
    assert [entry.name for entry in tmp_path.iterdir()] == ["counter"]


def test_waiting_ends(tmp_path: Path) -> None:
    """Who cannot have it in time is told which directory is held."""
    with (
        dirlock.hold(tmp_path, 1),
        pytest.raises(errors.TimedOut, match=str(tmp_path)),
        dirlock.hold(tmp_path, 0),
    ):
        raise AssertionError("it was held twice")


def test_a_directory_removed_under_a_waiter_is_made_again(tmp_path: Path) -> None:
    """The lock of a directory that is gone protects nothing, so the waiter takes a new one."""
    directory = tmp_path / "a" / "b"
    entered = threading.Event()

    def wait() -> bool:
        entered.set()
        with dirlock.hold(directory, 30, make=True):
            return directory.is_dir()

    with ThreadPoolExecutor(1) as pool:
        with dirlock.hold(directory, 1, make=True):
            assert directory.stat().st_mode & 0o777 == 0o700
            answer = pool.submit(wait)
            entered.wait()
            directory.rmdir()
        assert answer.result(30)


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no locks the work goes on, and knows it."""

    def refuse(*_: object) -> None:
        raise OSError(9, os.strerror(9))

    monkeypatch.setattr("fcntl.flock", refuse)
    with dirlock.hold(tmp_path, 1) as held:
        assert not held


@pytest.mark.parametrize("below", ["", "one", "one/two"])
def test_a_file_in_the_way_is_told(tmp_path: Path, below: str) -> None:
    """Of the directory itself, or of one above it; it is not waited for."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OSError, match=r"exists|Not a directory"),
        dirlock.hold(tmp_path / "file" / below, 60.0, make=True),
    ):
        pass
