"""What the stub was asked: one entry a request, in order, as the tests read it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Entry:
    """One request to a model."""

    api: str
    """Which API was spoken: ``anthropic``."""
    operation: str
    """``messages``, ``count_tokens``, ..."""
    model: str
    prompt: str
    """The last text of the user, as received, without what the agent itself adds to it."""
    history: list[dict[str, str]]
    """The conversation: role and text of each message, the last one included."""
    tools: list[str]
    session: str | None
    """The conversation's id, as the agent states it."""
    tool_results: list[str]
    """What the tools gave back in the last message."""
    at: float = field(default_factory=time.time)
    status: int = 200
    usage: dict[str, int] = field(default_factory=dict)
    """What the stub claimed that its answer cost."""


class Journal:
    """The list of entries."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self.strays: list[str] = []
        """Method and path of requests that no API of the stub serves."""

    def write(self, entry: Entry) -> Entry:
        """Add an entry; it may be completed later."""
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self.strays.clear()

    def as_json(self) -> dict[str, Any]:
        """For ``GET /_requests``."""
        return {"requests": [asdict(entry) for entry in self._entries], "strays": self.strays}
