"""What a model API's file gives: its spelling of an answer, a refusal and a cost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from coders_workers.model_stub.script import Refusal
from coders_workers.model_stub.tokens import Tokens
from coders_workers.model_stub.tools import ToolUse


@dataclass(frozen=True)
class Answer:
    """What the stub says: a text, or the call of a tool."""

    id: str
    """Of this answer alone, whatever stub gave it: agents count each id once."""
    model: str
    text: str
    call: ToolUse | None
    tokens: Tokens

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed."""
        return re.findall(r"\s*\S+\s*|\s+\Z", self.text) or [""]


class Frame(NamedTuple):
    """A part of a streamed answer."""

    data: bytes
    paced: bool = False
    """Whether it is one of the pieces that a slow answer spreads over its time."""


class Api(Protocol):
    """One API's spelling."""

    name: str
    reads: bool
    """Whether it counts what was read from a cache."""
    writes: bool
    """Whether it counts what was written to a cache."""

    def whole(self, answer: Answer) -> dict[str, Any]:
        """An answer in one piece."""
        ...

    def frames(self, answer: Answer) -> Iterator[Frame]:
        """An answer as events."""
        ...

    def usage(self, tokens: Tokens) -> dict[str, Any]:
        """What it cost."""
        ...

    def refusal(self, refusal: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
        """Body and headers of an error."""
        ...


def event(data: dict[str, Any], name: str | None = None, *, paced: bool = False) -> Frame:
    """A server-sent event."""
    head = f"event: {name}\n" if name else ""
    return Frame(f"{head}data: {json.dumps(data)}\n\n".encode(), paced)
