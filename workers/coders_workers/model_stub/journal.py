"""What the stub was asked and did: one entry a request, in order, as the tests read it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from coders_workers.model_stub.turn import Turn

#: How a request ended: ``left`` when the agent went before the answer was whole.
End = Literal["answered", "refused", "hung", "cut", "garbage", "left"]


@dataclass
class Entry:
    """One request to a model."""

    number: int
    """From 1, since the journal was emptied."""
    api: str
    """Which API was spoken: ``anthropic``, ``responses``, ``chat``, ``gemini``, ``ollama``."""
    operation: str
    model: str
    prompt: str
    history: list[dict[str, str]]
    tools: list[str]
    session: str | None
    tool_results: list[str]
    body: Any
    """As received."""
    size: int
    """Of the body, bytes."""
    started: float
    """Epoch seconds: when it arrived."""
    first: float | None = None
    """When the answer began."""
    ended: float | None = None
    """When it was over; None while it lasts."""
    end: End | None = None
    status: int = 200
    answer: str | None = None
    """The text said, where one was."""
    call: str | None = None
    """The tool asked for, where one was."""
    usage: dict[str, Any] = field(default_factory=dict)
    """What the stub claimed that its answer cost, in the API's words; only for whole answers."""
    tokens: dict[str, int] = field(default_factory=dict)
    """The same in the project's words: input without cache, output with reasoning."""


class Journal:
    """The list of entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.strays: list[str] = []
        """Method and path of requests that no API of the stub serves."""

    def write(self, api: str, turn: Turn, body: Any, size: int, started: float) -> Entry:
        """Add an entry; it is completed as the request is answered."""
        entry = Entry(
            number=len(self.entries) + 1,
            api=api,
            operation=turn.operation,
            model=turn.model,
            prompt=turn.prompt,
            history=turn.history,
            tools=[offer.name for offer in turn.offers],
            session=turn.session,
            tool_results=list(turn.results),
            body=body,
            size=size,
            started=started,
        )
        self.entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget all."""
        self.entries = []
        self.strays = []

    def as_json(self) -> dict[str, Any]:
        """For ``GET /_requests``."""
        return {"requests": [asdict(entry) for entry in self.entries], "strays": self.strays}


def begin(entry: Entry) -> None:
    """The first byte of the answer goes out."""
    if entry.first is None:
        entry.first = time.time()
