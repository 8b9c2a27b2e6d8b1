"""``progress``: kept with the attempt, and told with its activity."""

from __future__ import annotations

from typing import Any

from coders_queue import errors
from coders_queue.models.activity import Said
from coders_workers.in_session.call import Call


def run(call: Call) -> dict[str, Any]:
    """Keep it. Said twice, it is the same."""
    text = " ".join(call.params["text"].split())
    if not text:
        raise errors.UsageError("the report is empty", "say in one line what you are at")
    host = call.station.host
    said = Said(text=text, percent=call.params.get("percent"), at=host.clock())
    host.sayings.change(call.ref, call.directory, lambda now: now.model_copy(update={"said": said}))
    return {}
