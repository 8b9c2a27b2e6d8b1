"""Beat, when its broker goes away under it."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import LockNotOwnedError
from redis.exceptions import TimeoutError as RedisTimeout

from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers import stack
from coders_workers.roles import beat


class Beats:
    """Beats that end as told, one after the other."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)

    def __call__(self, **_options: Any) -> Beats:
        return self

    def run(self) -> None:
        end = self.ends.pop(0)
        if end is not None:
            raise end


def run(monkeypatch: pytest.MonkeyPatch, *ends: Exception | None) -> Beats:
    beats = Beats(*ends)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test's process keeps its own
    monkeypatch.setattr(beat, "Scheduling", beats)
    monkeypatch.setattr(beat, "make_app", lambda *_: None)
    monkeypatch.setattr(beat, "configure_logs", lambda *_: None)
    monkeypatch.setattr(beat, "_PAUSE", 0.0)
    with tempfile.TemporaryDirectory() as directory:
        paths = Paths(Path(directory, "s")).ensure()
        assert beat.run(Settings(), paths, "memory://", ()) == 0
        assert stack.beat_lock(paths).holder() is None
    return beats


def test_beat_outlives_its_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is silent, gone, or has given beat's lock away, ends no beat."""
    ends = [RedisTimeout("slow"), ConnectionError("gone"), LockNotOwnedError("late"), None]
    assert run(monkeypatch, *ends).ends == []


def test_a_fault_of_ours_ends_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no broker is to blame for is not tried again."""
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, ZeroDivisionError())
