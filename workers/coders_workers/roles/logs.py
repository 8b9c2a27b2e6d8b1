"""Logging of the host's processes: ours, for Celery's lines too."""

from __future__ import annotations

from celery import signals
from structlog.contextvars import clear_contextvars

from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.structured_log import configure


def configure_logs(settings: Settings, paths: Paths, process: str) -> None:
    """Log to ``<process>.log`` and keep Celery from setting up logging over it."""
    configure(settings.log, process=process, file=paths.logs / f"{process}.log")
    # Celery sets up logging only when nobody else has
    signals.setup_logging.connect(_already_done, weak=False)
    signals.task_prerun.connect(_fresh_context, weak=False)


def _already_done(**_options: object) -> None:
    """Logging is configured."""


def _fresh_context(**_options: object) -> None:
    """A task's log lines carry nothing of the task that its thread ran before."""
    clear_contextvars()
