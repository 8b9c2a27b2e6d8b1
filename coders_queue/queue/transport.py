"""The broker's transport: kombu's own for Redis, made cheaper where a rush of sessions needs it.

At thirty sessions a second a worker spent a fifth of its processor time on two things here. kombu
makes a redis-py client anew for every command of a channel (the connections were always shared);
and it acknowledges each message with a transaction of its own.
"""

from __future__ import annotations

import contextlib
from typing import Any

from celery.app import amqp
from kombu.asynchronous import get_event_loop
from kombu.connection import Connection as KombuConnection
from kombu.exceptions import KombuError
from kombu.transport import redis
from redis import RedisError
from vine import promise

#: How long an acknowledgement may wait for others to go out with, seconds. A worker that dies
#: within it leaves messages that are delivered once more, which every task bears.
TOGETHER = 0.05


class QoS(redis.QoS):
    """Acknowledges together what is done at about the same time, where an event loop runs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._done: list[str] = []
        self._due = False
        self._soon = promise(self._tell_soon)

    def ack(self, delivery_tag: str) -> None:
        """The message is done with. Called on any thread; the rest is the loop's."""
        loop = get_event_loop()
        if loop is None:
            super().ack(delivery_tag)
            return
        self._done.append(delivery_tag)
        self._quick_ack(delivery_tag)  # type: ignore[attr-defined]
        loop.call_soon(self._soon)

    def _tell_soon(self) -> None:
        loop = get_event_loop()
        if loop is not None and not self._due:
            self._due = True
            loop.call_later(TOGETHER, self.tell)

    def tell(self) -> None:
        """Acknowledge all that wait for it."""
        self._due = False
        done = list(self._done)
        if not done:
            return
        with self.pipe_or_acquire() as pipe:
            pipe.zrem(self.unacked_index_key, *done).hdel(self.unacked_key, *done).execute()
        del self._done[: len(done)]

    def restore_unacked(self, client: Any = None) -> None:
        """Give back what is not done."""
        with contextlib.suppress(OSError, KombuError, RedisError):
            self.tell()
        self._flush()  # type: ignore[attr-defined]
        super().restore_unacked(client)


class Channel(redis.Channel):
    """A channel that keeps its client for as long as it keeps its pool of connections."""

    QoS = QoS
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # one for each use: it holds a connection to itself
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        kept = self._kept
        if kept is None or kept.connection_pool is not self.pool:
            kept = self._kept = super()._create_client()  # type: ignore[misc]
        return kept


class Transport(redis.Transport):
    """kombu's transport with these channels."""

    Channel = Channel


class Connection(KombuConnection):
    """A connection that takes this transport where kombu would take its own for Redis.

    It cannot be named in the settings: with ``redis+socket://`` the URL's word counts alone.
    """

    def get_transport_cls(self) -> Any:
        """The transport's class."""
        found = super().get_transport_cls()
        return Transport if found is redis.Transport else found


class AMQP(amqp.AMQP):
    """Celery's, with these connections."""

    Connection = Connection
