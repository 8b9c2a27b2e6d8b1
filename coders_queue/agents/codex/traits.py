"""What differs between versions of Codex, as tried with 0.64.0 to 0.169.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from coders_queue.agents.versions import Ranges

#: Tips are noise on a screen that is read, and newer versions count them in the user's settings.
_NO_TIPS = {"tui.show_tooltips": "false"}
#: Up to about 0.110 it asks at its start whether to change to a newer model.
_NO_OFFERS = {
    "notice": '{hide_gpt5_1_migration_prompt=true,"hide_gpt-5.1-codex-max_migration_prompt"=true,'
    'model_migrations={"gpt-5"="gpt-5.2-codex","gpt-5-codex"="gpt-5.2-codex","gpt-5.1"="gpt-5.2",'
    '"gpt-5.1-codex"="gpt-5.2-codex","gpt-5.1-codex-max"="gpt-5.2-codex",'
    '"gpt-5.2"="gpt-5.2-codex"}}'
}


@dataclass(frozen=True)
class Traits:
    """One range of versions."""

    daemon: bool = False
    """Whether its terminal interface runs in a background server that outlives it, unless told."""
    stamps: bool = False
    """Whether it writes under each turn how long it took."""
    quiet: Mapping[str, str] = field(default_factory=dict)
    """Settings that keep its start in a terminal free of questions and of edits to the user's
    settings file, as TOML."""


TRAITS: Ranges[Traits] = Ranges(
    ("0", Traits(quiet=_NO_TIPS | _NO_OFFERS)),
    ("0.125", Traits(quiet=_NO_TIPS)),
    ("0.156", Traits(quiet=_NO_TIPS, daemon=True, stamps=True)),
)
