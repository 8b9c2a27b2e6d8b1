"""Starts again what died of the local stack: worker, beat, embedded broker.

One runs in the worker (for beat and the broker), one in beat (for the worker), one in the process
that a service manager runs (for all). ``coders down`` wins: it takes the mark away without which
nothing is started, and whoever starts something holds the stack's lock meanwhile, as it does.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from coders_queue import errors, keeping
from coders_workers.stack import Part, Stack

log = structlog.get_logger(__name__)

#: Seconds between two looks.
_EVERY = 0.5
#: The wait before a second restart in a row, and the longest, seconds; each is doubled, and half of
#: it is chance.
_FIRST, _LONGEST = 1.0, 60.0
#: Ends in a row after which a part is left alone, and seconds of life that end the row.
MOST, _STEADY = 8, 60.0


@dataclass
class _State:
    """One part, as its keeper sees it."""

    failures: int = 0
    next_at: float = float("-inf")
    alive_since: float | None = None
    gave_up: bool = False
    process: subprocess.Popen[bytes] | None = None


class Keeper:
    """Keeps some parts of a stack running."""

    def __init__(
        self,
        stack: Stack,
        parts: Sequence[Part],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._stack, self._clock, self._chance = stack, clock, chance
        self._parts: dict[Part, _State] = {part: _State() for part in parts}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def gave_up(self) -> list[Part]:
        """The parts that are left alone."""
        return [part for part, state in self._parts.items() if state.gave_up]

    def turn(self) -> None:
        """One look at each part."""
        for part, state in self._parts.items():
            self._look(part, state)

    def _look(self, part: Part, state: _State) -> None:
        now = self._clock()
        over = None if state.process is None else state.process.poll()
        if self._stack.runs(part):
            if state.gave_up:
                state.gave_up, state.failures = False, 0  # somebody else mended it
            if state.alive_since is None:
                state.alive_since = now
            elif now - state.alive_since > _STEADY:
                state.failures = 0
            return
        state.alive_since = None
        starting = state.process is not None and over is None
        if (
            state.gave_up
            or starting
            or now < state.next_at
            or not keeping.wanted(self._stack.paths)
        ):
            return
        if not self._stack.lock.acquire():
            return  # somebody starts or ends the stack just now
        try:
            # both may have changed before the lock was had
            if keeping.wanted(self._stack.paths) and not self._stack.runs(part):
                self._start(part, state, over)
        finally:
            self._stack.lock.release()

    def _start(self, part: Part, state: _State, over: int | None) -> None:
        state.failures += 1
        state.gave_up = state.failures > MOST
        cause = "it was gone" if over is None else self._stack.why_ended(part, over).message
        if state.gave_up:
            log.critical("keeper_gave_up", duty=part, count=MOST, cause=cause)
            self._note(part, 0, gave_up=True, cause=cause)
            return
        wait = min(_LONGEST, _FIRST * 2 ** (state.failures - 1))
        state.next_at = self._clock() + wait * (0.5 + 0.5 * self._chance())
        log.warning("started_again", duty=part, cause=cause)
        try:
            state.process = self._stack.start(part)
        except (errors.CodersError, OSError) as error:
            state.process, cause = None, str(error)
            log.warning("not_started_again", duty=part, cause=cause)
        self._note(part, 1, gave_up=False, cause=cause)

    def _note(self, part: Part, more: int, *, gave_up: bool, cause: str) -> None:
        before = {one.part: one.restarts for one in keeping.kept(self._stack.paths)}
        keeping.note(
            self._stack.paths,
            keeping.Kept(part, before.get(part, 0) + more, time.time(), gave_up, cause),
        )

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY):
            try:
                self.turn()
            except Exception:
                log.exception("duty_failed", duty="keeper")
