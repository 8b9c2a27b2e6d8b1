"""The watchdog: a loop that stands still is told of once, and given up on where that helps."""

from __future__ import annotations

from coders_workers.watchdog import Loop, Watchdog


class Scene:
    """A clock, a loop, and what was done about it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turned_at = 0.0
        self.excused = False
        self.given_up = 0
        self.dog = Watchdog(clock=lambda: self.now)
        self.dog.watch(
            Loop("one", 10.0, lambda: self.turned_at, lambda: self.excused, self._give_up)
        )

    def _give_up(self) -> None:
        self.given_up += 1

    def at(self, now: float) -> set[str]:
        self.now = now
        self.dog.look()
        return self.dog.stalled


def test_a_loop_that_stands_still_is_given_up_once() -> None:
    """And told of until it turns again."""
    scene = Scene()
    assert scene.at(10.0) == set()
    assert scene.at(10.1) == {"one"}
    assert scene.at(30.0) == {"one"}
    assert scene.given_up == 1
    scene.turned_at = 31.0
    assert scene.at(32.0) == set()
    assert scene.at(50.0) == {"one"}
    assert scene.given_up == 2


def test_a_good_reason_gives_it_all_its_time_anew() -> None:
    """While the broker is away no message can come; afterwards it may take its time."""
    scene = Scene()
    scene.excused = True
    assert scene.at(100.0) == set()
    scene.excused = False
    assert scene.at(109.0) == set()
    assert scene.at(111.0) == {"one"}
