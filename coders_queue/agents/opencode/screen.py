"""What a screen of opencode's says, by structure and place."""

from __future__ import annotations

from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation


def observe(screen: Screen) -> Observation:
    """Nothing yet."""
    return Observation(state="unknown", source="screen")
