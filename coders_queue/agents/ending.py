"""How a process ended, in words. Judges nothing but exit status 0."""

from __future__ import annotations

import signal

from coders_queue.models.launch import ExitStatus


def succeeded(status: ExitStatus) -> bool:
    """Whether it ended by itself with exit status 0."""
    return status.code == 0 and status.signal is None and not status.lost


def describe(status: ExitStatus) -> str:
    """One clause for a person: ``exit status 3``, ``killed by SIGKILL``."""
    if status.signal is not None:
        try:
            return f"killed by {signal.Signals(status.signal).name}"
        except ValueError:
            return f"killed by signal {status.signal}"
    if status.code is not None:
        return f"exit status {status.code}"
    return "vanished without an exit status"
