"""Celery's consumer, made to outlive a broker that goes away at any moment."""

from __future__ import annotations

import structlog
from celery.worker.consumer import Consumer
from kombu.exceptions import KombuError
from redis import RedisError

log = structlog.get_logger(__name__)


class SteadyConsumer(Consumer):
    """A consumer whose worker does not die of a connection that it cannot close.

    kombu's Redis channel gives unacknowledged messages back when it closes. When its connections
    are gone by then it has no address any more and fails with an AttributeError (5.7), which Celery
    takes for unrecoverable. The messages are not lost: what they ask for is in the store.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the broken connection, whatever that raises; the consumer connects anew."""
        try:
            super().on_connection_error_after_connected(exc)
        except (AttributeError, OSError, KombuError, RedisError) as error:
            self.connection = None
            log.warning("connection_not_closed", cause=f"{type(error).__name__}: {error}"[:300])
