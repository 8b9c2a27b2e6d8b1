"""Keys that can be pressed in a session's terminal, by tmux's names."""

from __future__ import annotations

import re

from coders_queue.errors import UsageError

#: Keys with a name of their own.
NAMED = (
    *("Enter", "Escape", "Tab", "BTab", "Space", "BSpace", "DC", "IC"),
    *("Up", "Down", "Left", "Right", "Home", "End", "PageUp", "PageDown"),
    *(f"F{number}" for number in range(1, 13)),
)
_KEY = re.compile(r"((?:[CMS]-)*)([!-~]|[A-Z][A-Za-z0-9]+)\Z")


def check_key(key: str) -> str:
    """The key itself: a name of :data:`NAMED` or one visible character, after any of ``C-``
    (Ctrl), ``M-`` (Alt) and ``S-`` (Shift). Raises UsageError for anything else."""
    match = _KEY.match(key)
    if match is None or not (len(match[2]) == 1 or match[2] in NAMED) or key == ";":
        raise UsageError(
            f"{key!r} is no key",
            f"one of {', '.join(NAMED[:8])}, Up, Down, Left, Right, Home, End, PageUp, PageDown, "
            "F1 to F12, or a single character; with C-, M- or S- before it: C-c",
        )
    return key
