"""The thread that lets sessions go on when time alone allows it."""

from __future__ import annotations

import threading
import time

import pytest

from coders_queue import errors
from coders_workers import turns
from coders_workers.turns import Turns
from conftest import wait_until


class Desk:
    """Counts the looks, and says when the next one is due."""

    def __init__(self) -> None:
        self.looks: list[float] = []
        self.told = 0
        self.away = threading.Event()
        self.waits: list[float] = []
        self.turns = Turns(self.tell, self.fill)

    def tell(self) -> None:
        if self.away.is_set():
            raise errors.Unavailable("away")
        self.told += 1

    def fill(self) -> None:
        self.looks.append(time.monotonic())
        if self.waits:
            self.turns.later(self.waits.pop(0))


def test_it_looks_when_it_was_told_to() -> None:
    """At once when it begins, then as soon as somebody may start, and not again and again."""
    desk = Desk()
    desk.waits = [0.05, 0.1]
    desk.turns.start()
    wait_until(lambda: len(desk.looks) == 3)
    assert desk.looks[1] - desk.looks[0] >= 0.05
    assert desk.looks[2] - desk.looks[1] >= 0.1
    desk.turns.later(0.0)
    wait_until(lambda: len(desk.looks) == 4)
    desk.turns.stop()
    assert desk.told == 4


def test_it_goes_on_when_the_store_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """And looks by itself after a while, whatever nobody told of."""
    monkeypatch.setattr(turns, "_LONGEST", 0.05)
    desk = Desk()
    desk.away.set()
    desk.turns.start()
    time.sleep(0.1)
    assert desk.looks == []
    desk.away.clear()
    wait_until(lambda: len(desk.looks) >= 2)
    desk.turns.stop()
