"""What differs between versions of opencode. Tried with 1.1.65, 1.17.19 and 1.18.33."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from coders_queue.agents.versions import Ranges


@dataclass(frozen=True)
class Traits:
    """One range of versions."""

    auto: bool = False
    """Whether it has ``--auto``, which allows all that is not denied."""
    everything: Mapping[str, str] = field(default_factory=dict)
    """Permissions that allow all, where it has not."""
    database: bool = False
    """Whether conversations are in a database whose place ``OPENCODE_DB`` tells."""


TRAITS: Ranges[Traits] = Ranges(
    (
        "0",
        Traits(
            everything={
                "edit": "allow",
                "bash": "allow",
                "webfetch": "allow",
                "doom_loop": "allow",
                "external_directory": "allow",
            }
        ),
    ),
    ("1.1", Traits(everything={"*": "allow"})),
    ("1.2", Traits(everything={"*": "allow"}, database=True)),
    ("1.17.19", Traits(auto=True, database=True)),
)
