"""What differs between versions of Gemini CLI."""

from __future__ import annotations

from dataclasses import dataclass

from coders_queue.agents.versions import Ranges


@dataclass(frozen=True)
class Traits:
    """What holds for some versions."""

    names_conversation: bool
    """Whether ``--session-id`` is known, so that the conversation's id is fixed beforehand."""


#: 0.34 lacks the option, 0.38 has it; those between were not tried.
_TRAITS = Ranges(
    ("0", Traits(names_conversation=False)),
    ("0.38", Traits(names_conversation=True)),
)


def of(version: str | None) -> Traits:
    """Those of a version; of one that nobody knows, the newest."""
    return _TRAITS.get(version)
