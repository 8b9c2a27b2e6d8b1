"""When a session is run again after an attempt has ended, and what is kept of that attempt."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.outcome import Cause, Usage

#: `on-crash`: ended by a signal that nobody sent on purpose, lost with its machine or terminal;
#: `on-failure`: those, and an end that the agent or its check calls a failure; `always`: a
#: success too.
Policy = Literal["never", "on-crash", "on-failure", "always"]


class Restart(Model):
    """How a session is restarted. A session that was cancelled, or has succeeded, never is (but
    by `always`)."""

    policy: Policy = "on-crash"
    """Which ends are followed by another attempt."""
    most: int = Field(default=3, ge=0, le=1000)
    """Restarts within `window`; the next end is the session's. Losing the machine counts for
    none."""
    window: float = Field(default=3600.0, gt=0, le=30 * 24 * 3600, allow_inf_nan=False)
    """Seconds in which `most` are counted."""
    backoff: float = Field(default=1.0, ge=0, le=3600, allow_inf_nan=False)
    """Seconds before the first restart, about; doubled for each further one in the window."""
    backoff_most: float = Field(default=300.0, ge=0, le=24 * 3600, allow_inf_nan=False)
    """The longest such wait, seconds."""


class AttemptEnd(Model):
    """An attempt that was not the session's last. Times are epoch seconds."""

    attempt: int = Field(ge=1)
    host: str | None = None
    started_at: float | None = None
    ended_at: float
    exit_code: int | None = None
    signal: int | None = None
    cause: Cause
    """Why it ended."""
    conversation_id: str | None = None
    """The tool's conversation, which the next attempt goes on with."""
    idle: bool = False
    """Whether the agent had answered by then, and waited for a prompt."""
    usage: Usage | None = None
