"""The watch on launchers, with pipes for launchers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from coders_workers.runtimes.tmux.watch import LifeWatch


@pytest.fixture
def watch() -> Iterator[LifeWatch]:
    made = LifeWatch()
    yield made
    made.close()


def test_a_hangup_is_told_once_and_a_word_is_not(watch: LifeWatch) -> None:
    """What a launcher says is no end; its hang-up is, and closes the descriptor."""
    reader, writer = os.pipe()
    gone = threading.Event()
    other, other_writer = os.pipe()
    heard: list[str] = []
    watch.add(reader, gone.set)
    watch.add(other, lambda: heard.append("other"))
    os.write(writer, b"started\n")
    assert not gone.wait(0.1)
    os.close(writer)
    assert gone.wait(10)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)
    assert heard == []
    os.close(other_writer)


def test_a_callback_that_fails_does_not_end_the_watch(watch: LifeWatch) -> None:
    """One session's trouble does not keep others from being noticed."""

    def fail() -> None:
        raise RuntimeError("on purpose")

    gone = threading.Event()
    for callback in (fail, gone.set):
        reader, writer = os.pipe()
        watch.add(reader, callback)
        os.close(writer)
    assert gone.wait(10)


def test_a_closed_watch_calls_nobody_and_keeps_nothing() -> None:
    """After close, descriptors are closed and hang-ups go unheard; closing twice is harmless."""
    watch = LifeWatch()
    heard: list[int] = []
    reader, writer = os.pipe()
    watch.add(reader, lambda: heard.append(1))
    watch.close()
    watch.close()
    os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)
    late, late_writer = os.pipe()
    watch.add(late, lambda: heard.append(2))
    os.close(late_writer)
    assert heard == []
