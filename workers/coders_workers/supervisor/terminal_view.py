"""One attempt's terminal as delivery sees it: what it shows, in the adapter's words.

Types nothing and decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from coders_queue import errors
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation
from coders_workers.runtimes.base import Look
from coders_workers.supervisor import input_box
from coders_workers.supervisor.input_box import Box

log = structlog.get_logger(__name__)


class Terminal(Protocol):
    """One attempt's terminal."""

    def look(self) -> Look:
        """What it shows. Raises NotFound without one."""

    def unread(self) -> int | None:
        """How much of what was typed the program has not read; None when nobody knows."""

    def paste(self, text: str) -> None:
        """Bracketed paste. May raise TimedOut when it is in question."""

    def press(self, key: str) -> None:
        """One key."""

    def leave_copy_mode(self) -> None:
        """Keys go to the program."""


@dataclass(frozen=True)
class Clock:
    """The passing of time."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class View:
    """What one look showed."""

    at: float
    screen: Screen
    seen: Observation
    box: Box
    unread: int | None
    """What waits on the terminal: a program that does not read would take two Enters at once."""


class Reader:
    """Looks at a terminal for a text that is to be sent there."""

    def __init__(
        self,
        terminal: Terminal,
        adapter: Adapter,
        version: str | None,
        text: str,
        label: str,
        clock: Clock,
    ) -> None:
        self._terminal = terminal
        self._adapter = adapter
        self._version = version
        self._text = text
        self._label = label
        self._clock = clock
        self._unreadable = False

    def view(self) -> View:
        """What it shows now. Raises NotFound without a terminal."""
        look = self._terminal.look()
        if look.dead:
            raise errors.NotFound("it has ended")
        screen = Screen(look.text, look.title, look.columns, look.rows)
        try:
            seen = self._adapter.observe_screen(screen, self._version)
        except Exception:
            if not self._unreadable:
                log.exception("screen_unreadable", session=self._label)
            self._unreadable = True
            seen = Observation(state="unknown", source="screen")
        box = self.holds(seen.draft, self._text)
        return View(self._clock.now(), screen, seen, box, self._terminal.unread())

    def holds(self, draft: str | None, text: str) -> Box:
        """What a box with this draft holds, beside a text."""
        return input_box.compare(draft, text, self._adapter.delivery.placeholder)
