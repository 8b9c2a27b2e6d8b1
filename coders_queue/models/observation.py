"""What one look at an agent says of it: the small set that every signal is turned into.

A look at a stream, a hook, a transcript, a screen or a title gives an observation. What several of
them mean together, and what is done about it, is supervision's.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.outcome import Usage

#: ``dialog``: a question of the tool's own start (trust, login, theme), which swallows a prompt;
#: ``waiting``: a question of the running agent's; ``unknown``: the signal alone cannot tell.
ObservedState = Literal[
    "starting",
    "dialog",
    "idle",
    "working",
    "waiting",
    "rate_limited",
    "error",
    "exited",
    "unknown",
]
Source = Literal["stream", "hook", "transcript", "screen"]


class Observation(Model):
    """One signal's word on an attempt."""

    state: ObservedState
    source: Source
    question: str | None = None
    """What is asked, one line; with ``dialog`` and ``waiting``."""
    choices: tuple[str, ...] = ()
    """The answers offered, in order, without their numbers and marks."""
    draft: str | None = None
    """Text in the input box that has not been sent; None when it is empty or cannot be seen."""
    resets_at: float | None = None
    """With ``rate_limited``: when it ends, epoch seconds, where the signal says so."""
    usage: Usage | None = None
    result: Any = None
    """The answer, where the signal carries it."""
    message: str | None = None
    """With ``error`` and ``rate_limited``: what went wrong, one line."""
    attempt: int | None = Field(default=None, ge=1)
    """Which attempt it is of; None for a look at a file."""
    at: float | None = None
    """When it was seen, epoch seconds; None when nobody knows."""
