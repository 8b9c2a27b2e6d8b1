"""What the commands about rules share: the rules in force, or those of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coders_queue.cli.context import Context
from coders_queue.models.rule import Rule
from coders_queue.rules import check
from coders_queue.settings.load import load, load_file


def load_rules(file: str | None, context: Context) -> Mapping[str, Rule]:
    """The rules, checked. Raises ConfigError with file and line."""
    if file is None:
        loaded = load(context.environ, context.here)
    else:
        loaded = load_file(Path(file))
    check.check(loaded.settings, loaded.where)
    return loaded.settings.rules
