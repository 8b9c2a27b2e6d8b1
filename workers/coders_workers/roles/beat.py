"""The beat process, in the foreground. Two of them are one too many, and harmless."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue.queue.app import make_app
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import stack
from coders_workers.roles.logs import configure_logs


def run(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run beat until it is told to stop."""
    with stack.beat_lock(paths):
        configure_logs(settings, paths, "beat")
        app = make_app(settings, broker_url, open_configured(broker_url, settings))
        app.Beat(scheduler="redbeat.RedBeatScheduler", quiet=True).run()
    return 0
