"""Celery's consumer, made to outlive a broker that goes away at any moment."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import structlog
from celery.worker.consumer import Consumer
from kombu.exceptions import KombuError
from redis import RedisError
from vine import promise

log = structlog.get_logger(__name__)

#: How often the loop says that it turns, seconds.
_TICK = 1.0
#: How long an event for monitors may wait for others to go out with, seconds.
_TOGETHER = 0.05


class SteadyConsumer(Consumer):
    """A consumer whose worker does not die of a connection that it cannot close.

    kombu's Redis channel gives unacknowledged messages back when it closes. When its connections
    are gone by then it has no address any more and fails with an AttributeError (5.7), which Celery
    takes for unrecoverable. The messages are not lost: what they ask for is in the store.
    """

    hub: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flush_soon_promise = promise(self._flush_soon)
        self._flush_due = False
        #: When the loop last turned, on the monotonic clock.
        self.turned_at = time.monotonic()

    def start(self) -> None:
        """Start, and tell of every turn of the loop."""
        if self.hub:
            self.hub.call_repeatedly(_TICK, self._turn)
        super().start()

    def _turn(self) -> None:
        self.turned_at = time.monotonic()

    def on_send_event_buffered(self) -> None:  # type: ignore[override]
        """An event waits: it goes out with those that come right after it.

        Celery would publish it in the loop's next turn, in a rush nearly each by itself, and a
        worker spends an eighth of its time on that. Called on any thread; the rest is the loop's.
        """
        if self.hub:
            self.hub.call_soon(self._flush_soon_promise)

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self.hub.call_later(_TOGETHER, self._flush_events)

    def _flush_events(self) -> None:
        self._flush_due = False
        super()._flush_events()  # type: ignore[misc]

    def stop(self) -> None:
        """Stop, with the last events told."""
        with contextlib.suppress(OSError, KombuError, RedisError):
            self._flush_events()
        super().stop()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the broken connection, whatever that raises; the consumer connects anew."""
        try:
            super().on_connection_error_after_connected(exc)
        except (AttributeError, OSError, KombuError, RedisError) as error:
            self.connection = None
            log.warning("connection_not_closed", cause=f"{type(error).__name__}: {error}"[:300])
