"""The runtime's contract: start a launch, find it again, talk to it, end it.

A runtime knows attempts by their reference (``<session id>_<attempt>``) and by the attempt's
private directory; it knows neither Redis nor Celery. Every method may be called twice, late, and
after the session is gone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coders_queue.models.launch import ExitStatus


@dataclass(frozen=True)
class Launch:
    """Everything needed to start one attempt, exactly.

    All text may hold surrogate-escaped bytes and is written with ``os.fsencode``.
    """

    ref: str
    """The attempt's reference."""
    directory: Path
    """The attempt's private directory, 0700; it exists."""
    argv: tuple[str, ...]
    """What the program is called, and its arguments, byte for byte."""
    cwd: str
    env: dict[str, str]
    """The whole environment; nothing is added to it but what the terminal needs (TERM)."""
    terminal: bool
    """A terminal for the agent, or pipes."""
    merge_stderr: bool
    """With pipes: one for both output and errors."""
    stdin: bytes | None
    """With pipes: standard input. None is an empty one."""
    columns: int
    rows: int
    program: str | None = None
    """The file to run (a path); None: ``argv[0]`` is one."""


@dataclass(frozen=True)
class Started:
    """The agent's process lives."""

    pid: int
    at: float
    """Epoch seconds, as the launcher saw it."""
    ticks: int | None = None
    """When the kernel started it, in its ticks since the machine's start, where that is known."""

    def age(self) -> float | None:
        """Seconds since its start, whatever became of the machine's clock since."""
        if self.ticks is None:
            return None
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ended:
    """How an attempt ended, as its directory tells."""

    status: ExitStatus
    at: float
    """Epoch seconds; the time of discovery when the launcher could not say."""
    error: str | None = None
    """Why the agent could not be started at all, one line; None when it ran."""


@dataclass(frozen=True)
class Look:
    """A terminal at one moment."""

    text: str
    """The visible lines, with their colours as escape sequences."""
    title: str
    """As the program set it."""
    columns: int
    rows: int
    cursor: tuple[int, int]
    """Column and row, from 0."""
    in_mode: bool
    """Whether keys go elsewhere than to the program: a person scrolls, or chooses in a list."""
    dead: bool
    """Whether the program has ended and only its last screen is left."""


#: Called once when an attempt's launcher is gone, from the watching thread.
OnEnd = Callable[[str], None]


class Runtime(Protocol):
    """A place sessions run in."""

    def start(self, launch: Launch, on_end: OnEnd, timeout: float = 10.0) -> Started:
        """Bring it up and wait until the agent's process lives.

        Called again for the same reference it does not start a second one but waits for, or
        reports, the first. Raises SpawnError with the cause (missing program, directory, the last
        lines printed) when it did not come up; then nothing of it runs any more.
        """
        ...

    def preheat(self, ref: str, directory: Path, columns: int, rows: int) -> None:
        """A head start: begin with what does not depend on the launch.

        Needs the attempt's directory. Starts no agent, and raises nothing: what it could not do,
        :meth:`start` does. Left alone, it vanishes by itself after a while.
        """
        ...

    def abandon(self, ref: str, directory: Path) -> None:
        """See to it that nothing of an attempt that did not start runs, or begins to, ever."""
        ...

    def adopt(self, ref: str, directory: Path, on_end: OnEnd) -> bool:
        """Watch an attempt started by an earlier worker; False when its launcher is gone."""
        ...

    def started(self, directory: Path) -> Started | None:
        """What the directory says of the start; None when the agent was never confirmed."""
        ...

    def ended(self, directory: Path) -> Ended | None:
        """What the directory says of the end; None while it runs or was never launched.

        A launcher that vanished without a word gives ``ExitStatus(lost=True)``.
        """
        ...

    def stop(self, ref: str, directory: Path, grace: float) -> None:
        """Ask the agent to end (SIGTERM), kill it after ``grace`` seconds, with its process group.

        Returns at once; the end is told by ``on_end``.
        """
        ...

    def look(self, ref: str) -> Look:
        """What its terminal shows, and how it stands. Raises NotFound without one."""
        ...

    def paste(self, ref: str, text: str) -> None:
        """Put text into its terminal by bracketed paste, line ends as a terminal has them.

        Raises UsageError for text that a paste cannot carry, NotFound without a terminal, TimedOut
        when it is in question.
        """
        ...

    def press(self, ref: str, key: str) -> None:
        """Press one key, by tmux's name for it (:mod:`coders_queue.models.key`)."""
        ...

    def leave_copy_mode(self, ref: str) -> None:
        """See to it that keys go to the program. Nothing happens when they do."""
        ...

    def unread(self, directory: Path) -> int | None:
        """How many bytes were typed that the agent has not read; None when it cannot be told."""
        ...

    def send(self, ref: str, text: str, *, enter: bool = True) -> None:
        """Leave copy mode, paste, and press Enter, whatever the terminal shows."""
        ...

    def screen(self, ref: str) -> str:
        """The visible text of its terminal."""
        ...

    def attach_argv(self, ref: str) -> list[str]:
        """The command a person runs to attach to it."""
        ...

    def refs(self) -> set[str]:
        """The attempts that have a terminal session now."""
        ...

    def discard(self, ref: str) -> None:
        """Remove what is left of its terminal session."""
        ...

    def close(self) -> None:
        """Let go of watchers and connections; the sessions live on."""
        ...
