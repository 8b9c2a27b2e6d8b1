"""How many sessions of a group have to succeed until the rest of it is no longer wanted."""

from __future__ import annotations

from pydantic import Field, field_validator

from coders_queue.models.base import Model

#: The longest name of a group, characters.
MAX_GROUP = 200
#: Why the rest is cancelled.
REASON = "quorum: enough of its group succeeded without it"


class Quorum(Model):
    """So many successes of a group are enough: the rest is cancelled then."""

    group: str | None = Field(default=None, min_length=1, max_length=MAX_GROUP)
    """Names the group, for whoever counts: a new name for each time it runs. None: the Celery
    group that the session is submitted in."""
    need: int = Field(ge=1)
    """How many have to succeed."""

    @field_validator("group")
    @classmethod
    def _is_printable(cls, group: str | None) -> str | None:
        if group is not None and not group.isprintable():
            raise ValueError("a group's name is printable text")
        return group
