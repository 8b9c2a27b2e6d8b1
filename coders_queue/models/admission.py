"""What decides on who starts next: limits and how far they are used, turns, exhausted accounts."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.limit import Limit


@dataclass(frozen=True)
class Admitted:
    """A session that was given to a host."""

    session_id: str
    host: str
    attempt: int


@dataclass(frozen=True)
class Wait:
    """Nobody may start now."""

    seconds: float | None
    """Until somebody may by the passing of time alone; None when somebody else has to end first, or
    nobody waits."""


class LimitUse(Model):
    """A limit and how far it is used."""

    limit: Limit
    used: int
    """Sessions it counts that have a place."""
    ready_in: float
    """Seconds until its rate allows another start, 0 for now."""


class Standing(Model):
    """What a queued session waits for."""

    position: int | None
    """Its place in the order of starts, from 1; None while it waits for a time, not for a turn."""
    why: str
    """What is between it and its start, one line."""
    expected_at: float | None
    """When it may start, epoch seconds, where that can be told: from a time that is set, a rate, or
    the latest ends."""


class Turn(Model):
    """An owner's next turn at a priority."""

    priority: int
    owner: str
    at: float
    """Virtual time: the least is next."""
    weight: float
    sessions: tuple[str, ...]
    """Ids of those that wait, oldest first."""


class Admission(Model):
    """All that decides on who starts next, at one time."""

    limits: dict[str, LimitUse] = Field(default_factory=dict)
    shares: dict[str, float] = Field(default_factory=dict)
    """Weights of owners; of others it is 1."""
    exhausted: dict[str, float] = Field(default_factory=dict)
    """Accounts by the time at which their quota is renewed, epoch seconds."""
    turns: tuple[Turn, ...] = ()
    """By priority, then in the order in which they come."""
    freed: tuple[float, ...] = ()
    """When places became free, epoch seconds, latest first; the last 50 within an hour."""
