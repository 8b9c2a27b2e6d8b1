"""The word that a host sends of itself and all its sessions, again and again."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from coders_queue.models.base import Model

#: Periods after the last heartbeat at which the next one counts as late, and the host as silent.
OVERDUE = 1.5


class Pulse(Model):
    """One session's part of a heartbeat, from a look at its real process."""

    pid: int
    """The agent's process, which was seen alive."""
    progress_at: float | None = None
    """The last sign of progress, epoch seconds; None when nothing was seen of it."""


class Heartbeat(Model):
    """One heartbeat as it was sent."""

    host: str
    sequence: int = Field(ge=1)
    """Counts up from the worker's start."""
    sent_at: float
    """The host's clock, epoch seconds."""
    period: float = Field(gt=0)
    """Seconds to the next one."""
    info: dict[str, Any] = Field(default_factory=dict)
    """The host's description: ``capacity``, ``pid``, ..."""
    sessions: dict[str, Pulse] = Field(default_factory=dict)
    """Attempts whose process lives, by their reference."""


class HostHealth(Model):
    """What the store knows of a host's heartbeats. Times are epoch seconds."""

    last: Heartbeat
    received_at: float
    """The store's clock, at the last one."""
    beats: int
    """Heartbeats received since the worker's start."""
    late: int
    """Of these, how many came more than half a period too late."""
    missed: int = 0
    """Periods since then whose heartbeat never came, by the numbers of those that did."""
    longest_gap: float
    """Seconds, the longest time between two, by the store's clock."""
    alive: bool
    """Whether the host counts as here: its last one is younger than its lease."""
    age: float = 0.0
    """Seconds since the last one, by the store's clock."""

    @property
    def fresh(self) -> bool:
        """Whether the last one is younger than a period: what it saw alive still counts as such."""
        return self.age <= self.last.period

    @property
    def silent_for(self) -> float | None:
        """Seconds since the last one if the next is overdue, None while the host is heard."""
        return self.age if self.age > OVERDUE * self.last.period else None
