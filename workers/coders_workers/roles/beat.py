"""The beat process, in the foreground. Two of them are one too many, and harmless."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from kombu.exceptions import OperationalError
from redis import RedisError

from coders_queue.queue.app import CodersApp, make_app
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import stack
from coders_workers.roles.logs import configure_logs

log = structlog.get_logger(__name__)

#: Between an end for want of a broker and the next try, seconds.
_PAUSE = 1.0
#: What a broker that is away, silent or new raises. redbeat's lost lock is a RedisError.
#: One that went away just when redbeat took that lock leaves it without one: an AttributeError.
_OUT_OF_REACH = (OperationalError, RedisError, ConnectionError, TimeoutError, AttributeError)


def run(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run beat until it is told to stop."""
    with stack.beat_lock(paths):
        configure_logs(settings, paths, "beat")
        app = make_app(settings, broker_url, open_configured(broker_url, settings))
        while not _beats(app):
            time.sleep(_PAUSE)
    return 0


def _beats(app: CodersApp) -> bool:
    """Beat to its end; False when it ended for want of a broker, which would stop all mending."""
    try:
        app.Beat(scheduler="redbeat.RedBeatScheduler", quiet=True).run()
    except _OUT_OF_REACH as error:
        log.warning("beat_interrupted", cause=f"{type(error).__name__}: {error}"[:300])
        return False
    return True
