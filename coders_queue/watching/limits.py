"""How long an agent may show no progress before it counts as stuck, by what it is at."""

from __future__ import annotations

from pydantic import Field

from coders_queue.models.base import Model


class Limits(Model):
    """Seconds without progress, for one attempt; None: for ever."""

    starting: float | None = Field(default=120.0, gt=0)
    """Until it is ready for the first time."""
    thinking: float | None = Field(default=600.0, gt=0)
    """While it works."""
    tool: float | None = Field(default=1800.0, gt=0)
    """While a tool that it called runs."""
    silent: float | None = Field(default=None, gt=0)
    """For an agent none of whose signals tell what it does: since it last printed anything."""
    repeats: int = Field(default=8, ge=3)
    """How often the same actions with the same outcome, one after the other, are a loop."""
