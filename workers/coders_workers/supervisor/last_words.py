"""What an agent was held up by when its time was over: the last its stream said of it."""

from __future__ import annotations

from coders_queue.agents import loose
from coders_queue.agents.adapter import Adapter

#: How much of the stream's end is looked at, bytes.
_END = 256 * 1024


def trouble(adapter: Adapter, stdout: bytes, version: str | None) -> str | None:
    """An error, a limit or a question, one line; None when it just worked on."""
    last = None
    for line in loose.lines(stdout[-_END:]):
        last = adapter.observe_stream(line, version) or last
    if last is None or last.state not in ("error", "rate_limited", "waiting"):
        return None
    return last.message or last.question
