"""Who died of the local stack is started again, unless it was told to go, or ends too often."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, keeping
from coders_queue.clock import ManualClock
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers import checks, keeper
from coders_workers.keeper import MOST, Keeper
from coders_workers.stack import Part, Stack


class Parts(Stack):
    """A stack whose parts run as the test says."""

    alive: set[Part]
    started: list[Part]

    def runs(self, part: Part) -> bool:
        return part in self.alive

    def start(self, part: Part) -> subprocess.Popen[bytes] | None:
        self.started.append(part)
        return None

    def why_ended(self, part: Part, code: int) -> errors.CodersError:
        return errors.Unavailable(f"the {part} ended with {code}")


@pytest.fixture
def stack(tmp_path: Path) -> Parts:
    found = Parts(Settings(), Paths(tmp_path / "s").ensure(), lambda _text: None)
    object.__setattr__(found, "alive", {"broker", "worker", "beat"})
    object.__setattr__(found, "started", [])
    keeping.want(found.paths)
    return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0.0)


def keep(stack: Parts, clock: ManualClock) -> Keeper:
    return Keeper(stack, ["broker", "beat"], clock=clock, chance=lambda: 1.0)


def test_who_is_gone_is_started_again(stack: Parts, clock: ManualClock) -> None:
    """At once, and written down; who lives is left alone, and so is who is not this one's."""
    one = keep(stack, clock)
    one.turn()
    assert stack.started == []
    stack.alive.clear()
    one.turn()
    assert stack.started == ["broker", "beat"]
    assert [(kept.part, kept.restarts) for kept in keeping.kept(stack.paths)] == [
        ("beat", 1),
        ("broker", 1),
    ]


def test_down_wins(stack: Parts, clock: ManualClock) -> None:
    """After ``coders down`` nothing is started, nor while somebody starts or ends the stack."""
    one = keep(stack, clock)
    stack.alive.clear()
    other = Stack(stack.settings, stack.paths, lambda _text: None)
    assert other.lock.acquire()
    one.turn()
    keeping.unwant(stack.paths)
    other.lock.release()
    one.turn()
    assert stack.started == []
    keeping.want(stack.paths)
    one.turn()
    assert stack.started == ["broker", "beat"]


def test_ends_in_a_row_are_waited_for_longer_and_longer(stack: Parts, clock: ManualClock) -> None:
    """Then it is given up, told, and taken up again when somebody mended it."""
    one = keep(stack, clock)
    stack.alive.discard("beat")
    times = []
    while not one.gave_up and clock.now < 10_000:
        before = len(stack.started)
        one.turn()
        if len(stack.started) > before:
            times.append(clock.now)
        clock.advance(0.5)
    waits = [round(later - sooner) for sooner, later in pairwise(times)]
    assert waits == [1, 2, 4, 8, 16, 32, 60]
    assert len(times) == MOST
    (kept,) = keeping.kept(stack.paths)
    assert (kept.part, kept.restarts, kept.gave_up) == ("beat", MOST, True)
    found = next(
        one for one in checks.run(stack.settings, stack.paths) if one["check"] == "restarts"
    )
    assert not found["ok"]
    assert "beat ended too often" in found["found"]
    clock.advance(1000)
    one.turn()
    assert len(stack.started) == MOST
    stack.alive.add("beat")
    one.turn()
    assert one.gave_up == []


def test_a_steady_life_ends_the_row(stack: Parts, clock: ManualClock) -> None:
    """One that falls once an hour is started at once each time, for ever."""
    one = keep(stack, clock)
    for _ in range(3 * MOST):
        stack.alive.discard("beat")
        one.turn()
        stack.alive.add("beat")
        one.turn()
        clock.advance(3600)
        one.turn()
    assert stack.started.count("beat") == 3 * MOST
    assert one.gave_up == []


def test_one_that_is_on_its_way_is_waited_for(
    stack: Parts, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow start is not started twice; why a start failed is told."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def start(_self: Parts, part: Part) -> Any:
        stack.started.append(part)
        return process

    monkeypatch.setattr(Parts, "start", start)
    one = keep(stack, clock)
    stack.alive.discard("beat")
    one.turn()
    clock.advance(100)
    one.turn()
    assert stack.started == ["beat"]
    assert process.stdin is not None
    process.stdin.close()
    process.wait(10)
    one.turn()
    assert stack.started == ["beat", "beat"]
    assert keeping.kept(stack.paths)[0].cause == "the beat ended with 1"


def test_a_start_that_fails_is_tried_again(
    stack: Parts, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: the keeper outlives it and says why."""

    def fails(_self: Parts, part: Part) -> Any:
        stack.started.append(part)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Parts, "start", fails)
    one = keep(stack, clock)
    stack.alive.discard("broker")
    one.turn()
    assert "No space left" in keeping.kept(stack.paths)[0].cause
    clock.advance(keeper._LONGEST)
    one.turn()
    assert stack.started == ["broker", "broker"]


def test_what_cannot_be_read_counts_as_nothing(stack: Parts) -> None:
    """A file that a crash cut short keeps nobody from looking."""
    (stack.paths.run / "kept-beat.json").write_text('{"part": "be')
    assert keeping.kept(stack.paths) == []
