"""Every place of the canvas with the worker killed at every step, and with the broker killed.

All places are under way at once. A cell of the matrix (a place and a step) counts when a worker
died while a session of that place stood at that step; one that cannot be says why (``absent``).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from coders_queue.errors import Unavailable
from coders_workers import broker
from support.local_stack import LocalStack, local_stack
from support.places import PLACES
from support.rigged_worker import STEPS, armed, mark
from support.scene import Canvas, Scene

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(600)]

#: Steps whose cells are played at the same time.
LEGS = {
    "up": ("before-arrive", "after-arrive", "before-spawn", "before-start", "after-start"),
    "down": ("before-finish", "after-finish", "after-complete"),
    "away": ("before-deliver", "before-settle", "after-settle"),
    "chords": ("before-part", "after-part", "claimed-chord"),
}
#: A broker that dies takes every place with it, so it dies for few steps at a time: with more, the
#: outages follow each other faster than canvases recover.
BROKER_LEGS = {
    **{step: (step,) for leg in ("up", "down") for step in LEGS[leg]},
    **{leg: LEGS[leg] for leg in ("away", "chords")},
}
#: Those of every run; the others are long ones.
SHORT = ("before-finish", "chords")
#: How often a cell is played until a worker died there: one that dies for another place can carry
#: a session past its step.
ROUNDS = 5
#: How long a broker that was killed at a step stays away, seconds: longer than a message is tried.
AWAY = 1.0
#: Seconds that the broker stays away, and that it then stays.
OUTAGES = ((0.0, 0.7), (1.5, 1.0), (0.0, 0.3), (3.0, 2.0), (0.2, 1.0))

Cell = tuple[str, str]


def test_every_step_has_its_leg() -> None:
    """No step is left out, and what cannot occur is told of steps that there are."""
    assert sorted(step for leg in LEGS.values() for step in leg) == sorted(STEPS)
    assert all(set(place.absent) < set(STEPS) for place in PLACES.values())


@pytest.mark.parametrize("leg", LEGS)
def test_worker_killed(leg: str) -> None:
    """A worker killed at any step of a session in any place delays the canvas, and no more."""
    with _disturbed(rig="kill") as canvas:
        _play_cells(canvas, LEGS[leg])


@pytest.mark.parametrize(
    "leg",
    [pytest.param(leg, marks=() if leg in SHORT else pytest.mark.long) for leg in BROKER_LEGS],
)
def test_broker_killed_at(leg: str) -> None:
    """So does a broker killed at any step of a session in any place.

    It plays with sessions alone: of other tasks' messages a broker that dies swallows some.
    """
    with _disturbed(rig="kill-broker", only_sessions=True) as canvas:
        _play_cells(canvas, BROKER_LEGS[leg])


def _play_cells(canvas: Canvas, steps: tuple[str, ...]) -> None:
    """Play every place with a death at each of the steps."""
    state = canvas.stack.paths.state
    cells = {
        (place.name, step)
        for place in PLACES.values()
        for step in steps
        if step not in place.absent
    }
    left = cells
    for number in range(ROUNDS):
        if left:
            _play(canvas, [Scene(canvas, *cell, number) for cell in sorted(left)])
            left = {cell for cell in left if not mark(state, *cell).exists()}
            print(f"round {number}: not met: {sorted(left)}")
    assert not left, f"nobody died there: {sorted(left)}"
    print(f"{len(cells)} cells, {canvas.stack.deaths} deaths")


def test_broker_killed_again_and_again() -> None:
    """A broker killed again and again delays every canvas, and loses none.

    It plays with sessions alone: of other tasks' messages a broker that dies swallows some.
    """
    with _disturbed(only_sessions=True) as canvas:
        scenes = [Scene(canvas, place) for place in PLACES]

        def outages() -> None:
            for away, there in OUTAGES:
                time.sleep(there)
                canvas.stack.restart_broker(away)

        _play(canvas, scenes, outages)


def _play(canvas: Canvas, scenes: list[Scene], meanwhile=lambda: None) -> None:
    """Play them all at once; what does not come through is told with the worker's log."""
    armed(canvas.stack.paths.state).unlink(missing_ok=True)
    with ThreadPoolExecutor(len(scenes)) as pool:
        plays = {scene.key: pool.submit(PLACES[scene.place].check, scene) for scene in scenes}
        for scene in scenes:  # (whose play fails before that, say)
            while not scene.submitted.wait(0.1) and not plays[scene.key].done():
                pass
        armed(canvas.stack.paths.state).touch()
        meanwhile()
    failed = {key: play.exception() for key, play in plays.items() if play.exception()}
    assert not failed, f"{failed}\n{canvas.stack.log()[-200_000:]}"


@contextlib.contextmanager
def _disturbed(*, rig: str = "", only_sessions: bool = False) -> Iterator[Canvas]:
    """A stack whose worker is started again when it died."""
    with local_stack() as stack:
        stack.start(rig=rig)
        if not only_sessions:
            stack.start_user()
        canvas = Canvas(stack, only_sessions=only_sessions)
        stop = threading.Event()
        keeper = threading.Thread(target=_keep_alive, args=(stack, stop, rig))
        keeper.start()
        try:
            yield canvas
        finally:
            stop.set()
            keeper.join()
            canvas.close()


def _keep_alive(stack: LocalStack, stop: threading.Event, rig: str) -> None:
    while not stop.wait(0.05):
        if rig == "kill-broker" and not broker.answers(stack.paths):
            time.sleep(AWAY)
            with contextlib.suppress(Unavailable):  # it was killed again at its start
                stack.start_broker()
                stack.deaths += 1
        if not stack.alive("worker"):
            stack.launch_worker(rig)
            stack.deaths += 1
