"""What a screen of Qwen Code's says: laid out as Gemini CLI's, further in, with its own titles."""

from __future__ import annotations

from coders_queue.agents.gemini import screen as gemini
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation, ObservedState

_INDENT = 2
_MARK = 2


def observe(screen: Screen) -> Observation:
    """What the screen shows."""
    return gemini.look(screen, _INDENT, _MARK, told_by(screen.plain_title))


def told_by(title: str) -> ObservedState | None:
    """What the title tells, from 0.24 on; before, and when nothing goes on, it tells nothing."""
    if title.startswith(("◐", "◓", "◑", "◒")):
        return "working"
    return "waiting" if title.startswith("✳") else None
