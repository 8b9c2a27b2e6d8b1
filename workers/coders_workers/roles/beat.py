"""The beat process, in the foreground. Two of them are one too many, and harmless."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import Any

import structlog
from celery.apps.beat import Beat
from kombu.exceptions import OperationalError
from redis import RedisError

from coders_queue.queue.app import CodersApp, make_app
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import stack
from coders_workers.keeper import Keeper
from coders_workers.roles.logs import configure_logs

log = structlog.get_logger(__name__)

#: Between an end for want of a broker and the next try, seconds.
_PAUSE = 1.0
#: What a broker that is away, silent or new raises. redbeat's lost lock is a RedisError.
#: One that went away just when redbeat took that lock leaves it without one: an AttributeError.
_OUT_OF_REACH = (OperationalError, RedisError, ConnectionError, TimeoutError, AttributeError)


def run(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run beat until it is told to stop."""
    told = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        told.set()
        raise SystemExit(0)

    with stack.beat_lock(paths):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        configure_logs(settings, paths, "beat")
        app = make_app(settings, broker_url, open_configured(broker_url, settings))
        local = stack.Stack(settings, paths, lambda _text: None)
        keeper = Keeper(local, ["worker"])
        keeper.start()
        # told while the broker is away, beat fails at its last words to it, and has been told still
        while not _beats(app) and not told.wait(_PAUSE):
            pass
        keeper.stop()
    return 0


class Scheduling(Beat):
    """Celery's beat, which leaves the signals to us: its own answer to them asks the broker."""

    def install_sync_handler(self, service: Any) -> None:
        """None."""


def _beats(app: CodersApp) -> bool:
    """Beat to its end; False when it ended for want of a broker, which would stop all mending."""
    try:
        Scheduling(app=app, scheduler="redbeat.RedBeatScheduler", quiet=True).run()
    except _OUT_OF_REACH as error:
        log.warning("beat_interrupted", cause=f"{type(error).__name__}: {error}"[:300])
        return False
    return True
