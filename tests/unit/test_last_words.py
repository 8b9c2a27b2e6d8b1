"""What an agent was held up by when its time was over."""

from __future__ import annotations

import json

from coders_queue.agents import registry
from coders_workers.supervisor import last_words

RETRY = {"type": "system", "subtype": "api_retry", "error_status": 529, "error": "overloaded"}
WORK = {"type": "assistant", "message": {"content": [{"type": "text", "text": "so"}]}}


def told(*events: object) -> str | None:
    stream = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    return last_words.trouble(last_words.last(registry.get("claude"), stream, None))


def test_the_last_trouble_is_told() -> None:
    """A time that ran out while it tried a refused request again and again."""
    assert told(WORK, RETRY) == "the model service answered 529; trying again"


def test_a_trouble_that_passed_is_not() -> None:
    """Nor is work, noise or nothing."""
    assert told(RETRY, WORK) is None
    assert told(WORK) is None
    assert told() is None
    assert last_words.last(registry.get("shell"), b"\xff" * 1000, None) is None
