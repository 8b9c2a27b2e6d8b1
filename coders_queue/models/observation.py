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


class Step(Model):
    """A tool that the agent has called, or what such a call gave back."""

    kind: Literal["call", "return"]
    id: str
    """Ties a call and its return together, as the tool spells it."""
    digest: str
    """Of a call: its tool and arguments; of a return: what came back. The same for the same, times
    aside; what was said cannot be told from it."""
    name: str | None = None
    """Of a call: the tool's name."""


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
    steps: tuple[Step, ...] = ()
    """Tools that were called, and what calls gave back, in order; where the signal carries them."""
    attempt: int | None = Field(default=None, ge=1)
    """Which attempt it is of; None for a look at a file."""
    at: float | None = None
    """When it was seen, epoch seconds; None when nobody knows."""
