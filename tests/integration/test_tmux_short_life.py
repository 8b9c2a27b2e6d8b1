"""An agent whose whole life falls between two looks of the worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coders_workers.runtimes.base import Started
from coders_workers.runtimes.tmux.traces import Traces
from support.launches import until
from support.tmux_room import Room, room

pytestmark = pytest.mark.tmux


@pytest.fixture
def place() -> Iterator[Room]:
    with room() as made:
        yield made


def test_an_agent_that_lives_between_two_looks_was_started(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker looks for the start too early and for the end too late: no failed start."""
    look = Traces.started
    looks: list[int] = []

    def too_early(traces: Traces) -> Started | None:
        looks.append(1)
        if len(looks) > 1:
            return look(traces)
        until(lambda: traces.ended() is not None)
        return None

    monkeypatch.setattr(Traces, "started", too_early)
    runtime = place.runtime()
    launch, started = place.start(runtime, "/bin/true")
    assert len(looks) > 1
    assert started == runtime.started(launch.directory)
