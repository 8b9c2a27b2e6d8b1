"""What a screen of Qwen Code's says: laid out as Gemini CLI's, further in, without a title."""

from __future__ import annotations

from dataclasses import replace

from coders_queue.agents.gemini import screen as gemini
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation

_INDENT = 2


def observe(screen: Screen) -> Observation:
    """What the screen shows."""
    # the title is the directory's name, which may look like any of Gemini CLI's
    return gemini.observe(replace(screen, title=""), _INDENT)
