"""Starts those who may by the passing of time alone: a rate allows another, a wait is over.

A thread of the control role, which sleeps until the store says that somebody may. It tells the
store of this host's limits and shares, too: one that lost its data is told anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from celery.exceptions import OperationalError
from redis import RedisError

from coders_queue import errors

log = structlog.get_logger(__name__)

#: The longest sleep, seconds: what nobody told of is found after that.
_LONGEST = 5.0
#: The shortest: a store that says "now" again and again is not asked without a pause.
_SHORTEST = 0.005


class Turns:
    """Wakes up when it may be somebody's turn."""

    def __init__(self, tell: Callable[[], object], fill: Callable[[], object]) -> None:
        self._tell = tell
        self._fill = fill
        self._changed = threading.Condition()
        self._at = 0.0
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="turns", daemon=True)

    def start(self) -> None:
        """Begin, with a look at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look at hand."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def later(self, seconds: float) -> None:
        """Somebody may start in that time."""
        at = time.monotonic() + max(_SHORTEST, seconds)
        with self._changed:
            if at < self._at:
                self._at = at
                self._changed.notify()

    def _run(self) -> None:
        while not self._stopping:
            with self._changed:
                self._at = time.monotonic() + _LONGEST
            self._look()
            with self._changed:
                while not self._stopping and (left := self._at - time.monotonic()) > 0:
                    self._changed.wait(left)

    def _look(self) -> None:
        try:
            self._tell()
            self._fill()
        except (errors.Unavailable, OperationalError, RedisError, OSError) as error:
            if not self._failing:
                log.warning("turns_delayed", cause=str(error))
            self._failing = True
        except Exception:
            log.exception("turns_failed")
        else:
            self._failing = False
