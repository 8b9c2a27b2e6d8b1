"""The worker process, in the foreground."""

from __future__ import annotations

import os
from collections.abc import Sequence

from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import broker, stack
from coders_workers.roles.logs import configure_logs
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.worker import Worker


def run(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run the worker until it is told to stop."""
    with stack.worker_lock(paths):
        configure_logs(settings, paths, "worker")
        embedded = settings.broker.url is None
        if embedded:
            broker.start(paths)
        store = open_configured(broker_url, settings)
        store.ping()
        runtime = TmuxRuntime(
            paths.tmux_socket,
            tmux=settings.tmux.program,
            history_limit=settings.tmux.history_limit,
        )
        return Worker(
            settings,
            paths,
            broker_url,
            store,
            runtime,
            embedded=embedded,
            environ=dict(os.environ),
        ).run()
