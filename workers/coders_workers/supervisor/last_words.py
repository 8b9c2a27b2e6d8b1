"""The last that the stream of a headless agent said of its state."""

from __future__ import annotations

from coders_queue.agents import loose
from coders_queue.agents.adapter import Adapter
from coders_queue.models.observation import Observation

#: How much of the stream's end is looked at, bytes.
_END = 256 * 1024


def last(adapter: Adapter, stdout: bytes, version: str | None) -> Observation | None:
    """The last observation; None when no line says anything."""
    found = None
    for line in loose.lines(stdout[-_END:]):
        found = adapter.observe_stream(line, version) or found
    return found


def trouble(seen: Observation | None) -> str | None:
    """What it was held up by: an error, a limit or a question, one line; None when it worked."""
    if seen is None or seen.state not in ("error", "rate_limited", "waiting"):
        return None
    return seen.message or seen.question
