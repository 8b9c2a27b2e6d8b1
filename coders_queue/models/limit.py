"""A limit on agents of the whole fleet: which sessions it counts, and how many of them may run."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from coders_queue import ids
from coders_queue.models.base import Model
from coders_queue.models.spec import SessionSpec


class Limit(Model):
    """One limit. A session that several count is admitted when all of them have room."""

    agent: str | None = None
    """Counts this agent's sessions alone. Not set: every agent's."""
    host: str | None = None
    """Counts sessions on this host alone."""
    owner: str | None = None
    """Counts this owner's sessions alone."""
    label: str | None = None
    """Counts sessions with this label alone: `KEY=VALUE`."""
    concurrency: int | None = Field(default=None, ge=0, le=1_000_000)
    """Sessions that may be on a host at once. Not set: any number."""
    rate: float | None = Field(default=None, gt=0, le=10_000, allow_inf_nan=False)
    """Starts a second, on average. Not set: any rate."""
    burst: int = Field(default=1, ge=1, le=1_000_000)
    """Starts at once that `rate` allows after a pause."""

    @field_validator("concurrency", "rate", "burst", mode="before")
    @classmethod
    def _not_bool(cls, value: Any) -> Any:
        if isinstance(value, bool):  # YAML's yes would otherwise pass as the number 1
            raise ValueError("should be a number")
        return value

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        if self.concurrency is None and self.rate is None:
            raise ValueError("a limit needs a concurrency, a rate, or both")
        if self.label is not None and not self.label.partition("=")[1]:
            raise ValueError(f"{self.label!r} is not KEY=VALUE")
        if self.host is not None and not ids.is_name(self.host):
            raise ValueError(f"{self.host!r} is no host's name")
        return self

    @property
    def counts_all(self) -> bool:
        """Whether it counts every session."""
        return self.agent is self.host is self.owner is self.label is None

    def counts(self, spec: SessionSpec, host: str) -> bool:
        """Whether a session counts for it on that host."""
        key, _, value = (self.label or "").partition("=")
        return (
            self.agent in (None, spec.agent)
            and self.host in (None, host)
            and self.owner in (None, spec.owner)
            and (self.label is None or spec.labels.get(key) == value)
        )
