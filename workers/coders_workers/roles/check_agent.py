"""The check of a file that describes an agent, in the foreground."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers.conformance import check_file


def run(settings: Settings, paths: Paths, _broker_url: str, arguments: Sequence[str]) -> int:
    """Run it; its exit code."""
    return check_file.run(settings, paths, arguments)
