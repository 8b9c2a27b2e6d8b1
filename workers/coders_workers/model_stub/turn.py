"""One request to a model, in the stub's own words: what each API's file makes of its bodies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: What coding agents wrap around things that the person did not type.
_WRAPPED = re.compile(
    r"\s*<(system-reminder|environment_context|user_instructions|INSTRUCTIONS|permissions[^>]*"
    r"|session_context|skills_instructions|apps_instructions|plugins_instructions)>"
    r".*</[a-zA-Z_ -]+>\s*\Z",
    re.DOTALL,
)
_FILES_OF_INSTRUCTIONS = re.compile(r"# (?:AGENTS|CLAUDE|GEMINI|QWEN)\.md instructions")


@dataclass(frozen=True)
class Offer:
    """A tool that the agent offers."""

    name: str
    schema: dict[str, Any]
    """JSON schema of its arguments."""
    freeform: bool = False
    """Whether it takes a text instead."""
    namespace: str | None = None
    """What it is offered below, where an API has such a thing."""


@dataclass(frozen=True)
class Turn:
    """A request, understood."""

    operation: str
    """As the API calls it: ``messages``, ``count_tokens``, ``responses``, ``chat``, ..."""
    model: str
    prompt: str
    """The last text of the user, byte for byte, without what the agent itself adds to it."""
    history: list[dict[str, str]]
    """The conversation: role and text of each message, the last one included."""
    offers: tuple[Offer, ...] = ()
    called: tuple[str, ...] = ()
    """Tools called since that prompt, in order."""
    results: tuple[str, ...] = ()
    """What the tools gave back, when the request comes with that and no new prompt."""
    session: str | None = None
    """The conversation's id, as the agent states it."""
    schema: dict[str, Any] | None = None
    """What the answer must look like, where the request says so."""
    stream: bool = False


def spoken(texts: Iterable[str]) -> list[str]:
    """Those texts of a user's message that the person typed."""
    return [
        text
        for text in texts
        if not _WRAPPED.match(text) and not _FILES_OF_INSTRUCTIONS.match(text)
    ]
