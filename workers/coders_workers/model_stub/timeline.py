"""What the stub was doing when: the source of labels for what an agent's screen showed.

Only the agent's own turns count, those that come with tools: a request for a title is no work that
a screen shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from coders_workers.model_stub.journal import Entry

#: ``nothing`` before the first request; ``tool`` while the agent uses (or asks leave for) a tool;
#: ``failed`` after a request that got no whole answer; ``idle`` after one that did.
Doing = Literal["nothing", "thinking", "streaming", "tool", "failed", "idle"]


def timeline(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """From when on the stub was doing what, oldest first."""
    moments = sorted(
        {
            moment
            for entry in _turns(entries)
            for moment in (entry.started, entry.first, entry.ended)
            if moment is not None
        }
    )
    return [{"at": moment, **doing(entries, moment)} for moment in moments]


def doing(entries: Sequence[Entry], at: float) -> dict[str, Any]:
    """What the stub was doing at ``at``, epoch seconds, and in which request."""
    begun = [entry for entry in _turns(entries) if entry.started <= at]
    if not begun:
        return {"doing": "nothing", "number": None}
    open_ = [entry for entry in begun if entry.ended is None or at < entry.ended]
    if open_:
        entry = open_[-1]
        silent = entry.first is None or at < entry.first
        return {"doing": "thinking" if silent else "streaming", "number": entry.number}
    entry = max(begun, key=lambda one: one.ended or 0)
    after: Doing = "idle"
    if entry.end != "answered":
        after = "failed"
    elif entry.call is not None:
        after = "tool"
    return {"doing": after, "number": entry.number}


def _turns(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.tools]
