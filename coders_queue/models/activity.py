"""What a running agent is doing: its activity, beside the state that the lifecycle table knows.

Told apart from several signals over time; one look at one signal is an
:class:`~coders_queue.models.observation.Observation`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.observation import Source

#: ``starting``: not ready yet, a question of the tool's own start included; ``working``;
#: ``idle``: it waits for a prompt; ``waiting``: it asks a person; ``rate_limited``: its quota is
#: used up; ``stuck``: it seems to work, and nothing has come of it for too long, or the same over
#: and over; ``unknown``: no signal of this tool tells.
Doing = Literal["starting", "working", "idle", "waiting", "rate_limited", "stuck", "unknown"]


class Said(Model):
    """How far the work is, as the agent itself reports it."""

    text: str = Field(max_length=500)
    """One line."""
    percent: float | None = Field(default=None, ge=0, le=100)
    """How much of the work is done; None when it does not say."""
    at: float
    """When it said so, epoch seconds."""


class Activity(Model):
    """What an attempt's agent is doing. Times are epoch seconds."""

    doing: Doing
    """What it does, in a word."""
    since: float
    """When it began to."""
    progress_at: float
    """The last sign of progress by any signal: words, a tool called, a turn ended. A spinner is
    none."""
    source: Source | Literal["session"] | None = None
    """Which signal tells; ``session``: the agent itself does, through its session's socket; None
    when the lack of any does."""
    question: str | None = None
    """What is asked, one line; with ``waiting`` and ``starting``."""
    choices: tuple[str, ...] = ()
    """The answers offered, in order."""
    resets_at: float | None = None
    """With ``rate_limited``: when the limit ends, where a signal says so."""
    why: str | None = Field(default=None, max_length=500)
    """With ``stuck`` and ``rate_limited``: what shows it, one line; with ``idle``: the error that
    its last turn ended in, if one did."""
    said: Said | None = None
    """What the agent last reported of its work; None when it reported nothing."""
