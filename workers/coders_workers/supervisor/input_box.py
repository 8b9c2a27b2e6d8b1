"""What stands in an agent's input box, held against the text that is to be sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

#: ``ours``: the text, as far as the box shows it; ``other``: anything else, also more than it.
Box = Literal["empty", "ours", "other"]

#: As much of a text as tells it from others: a box shows only a part of a long one.
_TELLING = 30


def letters(text: str) -> str:
    """Letters and digits alone: borders, wrapping, tabs and what a terminal cannot show fall away.

    A text without any keeps its visible characters.
    """
    found = "".join(char for char in text if char.isalnum())
    return found or "".join(text.split())


def compare(draft: str | None, text: str, placeholder: str) -> Box:
    """What a box with this draft holds."""
    if draft is None or not draft.strip():
        return "empty"
    pieces = re.split(placeholder, draft)
    if len(pieces) > 2:
        return "other"  # it was pasted twice
    whole = letters(text)
    rest = [shown for piece in pieces if (shown := letters(piece))]
    if len(pieces) == 2:
        return "ours" if all(shown in whole for shown in rest) else "other"
    (shown,) = rest or ("",)
    if shown == whole or (len(shown) >= _TELLING and shown in whole):
        return "ours"
    return "other"


def needles(text: str, draft: str | None) -> tuple[str, ...]:
    """What to look for on a screen that may show the text, or the placeholder it had in the box."""
    found = {letters(text)[:_TELLING], letters(draft or "")[:_TELLING]}
    return tuple(sorted(needle for needle in found if len(needle) > 1))


def count(lines: Sequence[str], searched: Sequence[str]) -> int:
    """How often a screen shows them, the box included."""
    shown = letters("\n".join(lines))
    return max((shown.count(needle) for needle in searched), default=0)
