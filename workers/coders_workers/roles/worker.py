"""The worker process, in the foreground."""

from __future__ import annotations

import os
from collections.abc import Sequence

import structlog

from coders_queue import errors
from coders_queue.settings.masking import mask_url
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import broker, identity, stack
from coders_workers.keeper import Keeper
from coders_workers.local_store import notebook as notebook_file
from coders_workers.local_store.notebook import Notebook
from coders_workers.local_store.store import LocalStore
from coders_workers.roles.logs import configure_logs
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.worker import Worker

log = structlog.get_logger(__name__)


def run(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run the worker until it is told to stop."""
    with stack.worker_lock(paths):
        configure_logs(settings, paths, "worker")
        embedded = settings.broker.url is None
        if embedded:
            broker.start(paths)
        notebook = Notebook(paths.state / notebook_file.NAME)
        store = LocalStore(open_configured(broker_url, settings), settings.host.name, notebook)
        try:
            store.ping()
        except errors.Unavailable as error:
            if not identity.is_known(paths):
                raise  # it has never worked here: rather a wrong address than an outage
            log.warning("started_alone", broker=mask_url(broker_url), cause=error.message)
        runtime = TmuxRuntime(
            paths.tmux_socket,
            tmux=settings.tmux.program,
            history_limit=settings.tmux.history_limit,
        )
        worker = Worker(
            settings,
            paths,
            broker_url,
            store,
            runtime,
            embedded=embedded,
            environ=dict(os.environ),
        )
        local = stack.Stack(settings, paths, lambda _text: None)
        keeper = Keeper(local, [part for part in local.parts if part != "worker"])
        keeper.start()
        try:
            return worker.run()
        finally:
            keeper.stop()
