"""The conformance suite, in the foreground."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers.conformance import command


def run(settings: Settings, paths: Paths, _broker_url: str, arguments: Sequence[str]) -> int:
    """Run it; its exit code."""
    return command.run(settings, paths, arguments)
