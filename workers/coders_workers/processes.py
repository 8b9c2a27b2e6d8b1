"""The three processes of a host, in the foreground: worker, beat, Flower."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from celery import signals
from celery.bin.base import CLIContext
from flower.command import flower as flower_command
from structlog.contextvars import clear_contextvars

from coders_queue.queue.app import CodersApp, make_app
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_queue.structured_log import configure
from coders_workers import broker, stack
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.worker import Worker

#: Where Flower listens unless told otherwise: it has no password of its own.
_FLOWER_DEFAULTS = ("--address=127.0.0.1", "--port=5555")


def _own_logging() -> None:
    """Keep Celery from setting up logging over ours: it does so only when nobody else has."""
    signals.setup_logging.connect(_already_done, weak=False)
    signals.task_prerun.connect(_fresh_context, weak=False)


def _already_done(**_options: object) -> None:
    """Logging is configured."""


def _fresh_context(**_options: object) -> None:
    """A task's log lines carry nothing of the task that its thread ran before."""
    clear_contextvars()


def worker(settings: Settings, paths: Paths, broker_url: str) -> int:
    """Run the worker until it is told to stop."""
    with stack.worker_lock(paths):
        configure(settings.log, process="worker", file=paths.logs / "worker.log")
        _own_logging()
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


def beat(settings: Settings, paths: Paths, broker_url: str) -> int:
    """Run beat until it is told to stop. Two of them are one too many, and harmless."""
    with stack.beat_lock(paths):
        configure(settings.log, process="beat", file=paths.logs / "beat.log")
        _own_logging()
        app = make_app(settings, broker_url, open_configured(broker_url, settings))
        app.Beat(scheduler="redbeat.RedBeatScheduler", quiet=True).run()
    return 0


def flower(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run Flower until it is told to stop. ``arguments`` are Flower's own."""
    app: CodersApp = make_app(settings, broker_url, open_configured(broker_url, settings))
    sys.argv = ["flower"]  # it reads its name there
    flower_command.main(
        args=[*_FLOWER_DEFAULTS, *arguments],
        obj=CLIContext(app=app, no_color=True, workdir=None, quiet=False),
        standalone_mode=False,
    )
    return 0
