"""The whole local stack under one process in the foreground: what a service manager runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence

import structlog

from coders_queue import errors, keeping
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers import stack
from coders_workers.keeper import Keeper
from coders_workers.roles.logs import configure_logs

log = structlog.get_logger(__name__)

_LOOK = 0.5


def run(settings: Settings, paths: Paths, _broker_url: str, _arguments: Sequence[str]) -> int:
    """Start it, keep it, and end it when told to; sessions stay.

    0 when told to end, by a signal or by ``coders down`` elsewhere: a manager that restarts
    failures then leaves it. Raises Unavailable when a part cannot be kept.
    """
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with stack.serve_lock(paths):
        configure_logs(settings, paths, "serve")
        local = stack.Stack(settings, paths, lambda text: log.info("serving", reason=text))
        local.up()
        keeping.want(paths)
        keeper = Keeper(local, local.parts)
        keeper.start()
        try:
            while not told.wait(_LOOK):
                if not keeping.wanted(paths):
                    return 0
                if keeper.gave_up:
                    raise errors.Unavailable(
                        f"cannot keep running: {', '.join(keeper.gave_up)}", f"see {paths.logs}"
                    )
        finally:
            keeper.stop()
        local.down()
    return 0
