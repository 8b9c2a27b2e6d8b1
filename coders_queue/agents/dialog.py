"""A question on a tool's screen that takes the place of its input box, as it can be answered.

Owns what is the same for all tools: what a choice means by its words, and which dialog is which.
Where its parts stand on the screen is each tool's own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from coders_queue.models.approval import MAX_DETAIL, Kind, Meaning, ToolCall
from coders_queue.models.base import Model

_WRITES = re.compile(
    r"Type (?:here|something)|Enter a custom value|Chat about this|Other\b|Modify with", re.I
)
_DENIES = re.compile(r"No\b|Deny\b|Reject\b|Cancel\b|Don't\b", re.I)
_ALWAYS = re.compile(
    r"Yes,? (?:and|allow(?! once)|always|proceed and)\b|Always\b|Allow (?:always|for|all)"
    r"|Yes,.*don.t ask",
    re.I,
)
_ALLOWS = re.compile(r"Yes\b|Allow\b|Proceed\b|Run\b", re.I)


class Choice(Model):
    """One choice, and the key that makes it by itself."""

    text: str
    key: str | None
    """As tmux calls it; None where no key means this choice and nothing else."""
    means: Meaning


class Dialog(Model):
    """One question on the screen."""

    kind: Kind
    question: str
    choices: tuple[Choice, ...]
    detail: str = ""
    """What stands over the question, line by line."""
    call: ToolCall | None = None
    dismiss: str | None = None
    """The key that denies it, or leaves it unanswered: nothing of what it asks for happens."""
    busy: bool = False
    """Whether a key may be taken for text: a person stands in a field for words."""

    @property
    def digest(self) -> str:
        """The same for the same dialog, wherever a person has moved its mark."""
        told = "\n".join((self.question, self.detail, *(one.text for one in self.choices)))
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def meaning(text: str, *, permission: bool) -> Meaning:
    """What a choice means by its words."""
    if _WRITES.match(text):
        return "write"
    if not permission:
        return "other"
    if _DENIES.match(text):
        return "deny"
    if _ALWAYS.match(text):
        return "always"
    return "allow" if _ALLOWS.match(text) else "other"


def call_of(
    tool: str, *, command: str | None = None, path: str | None = None, whole: bool = False
) -> ToolCall:
    """What the agent wants to do; what is too long, or no text, is not whole."""
    about = command if command is not None else path
    kept = None if about is None else about.encode("utf-8", "replace").decode("utf-8")[:MAX_DETAIL]
    return ToolCall(
        tool=tool,
        command=kept if command is not None else None,
        path=kept if command is None else None,
        whole=whole and kept == about,
    )


def detail_of(lines: Sequence[str]) -> str:
    """Lines without what all of them are indented by, and without empty ones around them."""
    filled = [line for line in lines if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    return "\n".join(line[margin:].rstrip() for line in filled)[:MAX_DETAIL]
