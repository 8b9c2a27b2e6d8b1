"""Sees to it that the worker's loops turn: none of them may stand still in silence.

Each loop says when it last turned. One that has not for longer than it may is told in the log and
in the status; when it is the loop that takes messages, and the broker answers, the worker ends, so
that it is started anew: its sessions go on meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

#: Between two looks, seconds.
_LOOK = 1.0


@dataclass
class Loop:
    """A loop under watch."""

    name: str
    limit: float
    """Seconds that a turn may take."""
    turned_at: Callable[[], float]
    """When it last turned, on the monotonic clock."""
    excused: Callable[[], bool] = lambda: False
    """Whether it stands still for a good reason just now."""
    give_up: Callable[[], object] | None = None
    """What is done when it stands still."""


class Watchdog:
    """Looks at loops on a thread of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._loops: list[Loop] = []
        self._excused_until: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        #: Names of the loops that stand still.
        self.stalled: set[str] = set()

    def watch(self, loop: Loop) -> None:
        """From now on it has to turn."""
        self._loops.append(loop)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def look(self) -> None:
        """Look once."""
        now = self._clock()
        for loop in self._loops:
            if loop.excused():
                self._excused_until[loop.name] = now
            since = max(loop.turned_at(), self._excused_until.get(loop.name, float("-inf")))
            if now - since <= loop.limit:
                if loop.name in self.stalled:
                    self.stalled.discard(loop.name)
                    log.warning("loop_turns_again", duty=loop.name)
            elif loop.name not in self.stalled:
                self.stalled.add(loop.name)
                log.critical("loop_stalled", duty=loop.name, seconds=round(now - since, 1))
                if loop.give_up is not None:
                    loop.give_up()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK):
            try:
                self.look()
            except Exception:
                log.exception("duty_failed", duty="watchdog")
