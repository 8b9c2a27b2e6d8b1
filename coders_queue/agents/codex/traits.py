"""What differs between versions of Codex. Tried with 0.64.0 to 0.169.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from coders_queue.agents.versions import Ranges


@dataclass(frozen=True)
class Traits:
    """One range of versions."""

    daemon: bool = False
    """Whether its terminal interface runs in a background server that outlives it, unless told."""
    quiet: Mapping[str, str] = field(default_factory=dict)
    """Settings that keep its start in a terminal free of questions and of edits to the user's
    settings file, as TOML."""
    longest_prompt: int | None = None
    """Characters; more is refused."""


TRAITS: Ranges[Traits] = Ranges(
    ("0", Traits()),
    (
        "0.159",
        Traits(
            daemon=True,
            longest_prompt=1024 * 1024,
        ),
    ),
)
