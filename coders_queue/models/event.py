"""One line of the event log: what happened to which session, when."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from coders_queue.models.base import Model


class Event(Model):
    """An event. Holds no prompt, output or secret."""

    id: str
    """Its place in the stream: ``<milliseconds>-<sequence>``; later ones sort later."""
    session: str
    attempt: int
    kind: str
    """``session.<state>`` for a move; ``session.cancel_requested``, ``session.archived``, ..."""
    at: float
    """Epoch seconds at the writer."""
    host: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
