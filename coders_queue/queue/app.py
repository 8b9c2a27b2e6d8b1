"""The Celery app: configured from settings, holding the store and the services of the queue.

Nothing is read from the environment here, and nothing connects until it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from celery import Celery

from coders_queue import ids
from coders_queue.queue import control  # noqa: F401  (registers the revoke command)
from coders_queue.queue.delivery import Delivery
from coders_queue.queue.dispatch import Dispatch
from coders_queue.queue.flow_engine import Flows
from coders_queue.queue.flow_sessions import FlowSessions
from coders_queue.queue.publisher import CeleryPublisher
from coders_queue.queue.queues import queue
from coders_queue.queue.schedule import beat_schedule
from coders_queue.queue.session_task import SessionTask
from coders_queue.settings.schema import Settings
from coders_queue.store.base import Store
from coders_queue.store.connect import plain_url

#: Tells a monitor an event: ``(type, task id, fields)``.
Announcer = Callable[[str, str, dict[str, Any]], None]


class CodersApp(Celery):
    """Celery with what its session task needs at hand."""

    control_cls = "coders_queue.queue.control:SessionControl"
    amqp_cls = "coders_queue.queue.transport:AMQP"
    store: Store
    #: The fleet's alone: a host's own store knows but a part of it while the broker is away.
    fleet: Store
    settings: Settings
    #: Whether the broker is known to be away.
    away: Callable[[], bool]
    #: Set by a worker, which has a connection for events; others tell nothing.
    announcer: Announcer | None = None

    def announce(self, kind: str, task_id: str, /, **fields: Any) -> None:
        """Tell monitors an event of a session's."""
        if self.announcer is not None:
            self.announcer(kind, task_id, fields)

    @cached_property
    def publisher(self) -> CeleryPublisher:
        """The messages of the queue."""
        return CeleryPublisher(self, self.away)

    @cached_property
    def delivery(self) -> Delivery:
        """What a delivery of a session's message means."""
        return Delivery(self.store)

    @cached_property
    def flows(self) -> Flows:
        """Carrying flows forward."""
        return Flows(self.fleet, FlowSessions(self))

    @cached_property
    def dispatch(self) -> Dispatch:
        """Placing, completing, cancelling."""
        return Dispatch(self.store, self.publisher)


def _backend_url(broker_url: str) -> str:
    """The result backend on the same server, as Celery spells a backend class with a URL."""
    bare = broker_url.removeprefix("redis+")  # Celery drops it from redis+socket:// itself
    return f"coders_queue.queue.backend:BoundedRedisBackend+{bare}"


def make_app(
    settings: Settings,
    broker_url: str,
    store: Store,
    *,
    fleet: Store | None = None,
    away: Callable[[], bool] = lambda: False,
) -> CodersApp:
    """An app on that broker (any Redis URL that Celery takes) with that store.

    ``fleet`` is the fleet's own, where ``store`` is a host's. ``away`` tells whether the broker is
    known to be away: then nothing waits to find out.
    """
    app = CodersApp("coders", broker=broker_url, set_as_current=False)
    app.store = store
    app.fleet = fleet or store
    app.settings = settings
    app.away = away
    timeout = settings.broker.socket_timeout
    app.conf.update(
        result_backend=_backend_url(broker_url),
        # JSON alone: a message can carry data, never code
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        broker_transport_options={
            "visibility_timeout": 600,
            # the sweep for messages of dead workers, every few seconds instead of minutes
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": max(5.0, timeout),
            "socket_connect_timeout": timeout,
            "health_check_interval": 5,
            "queue_order_strategy": "priority",
            "priority_steps": list(range(10)),
            "sep": ":",
            "global_keyprefix": settings.broker.prefix,
        },
        result_backend_transport_options={
            "global_keyprefix": settings.broker.prefix,
            "retry_policy": {"max_retries": 5, "interval_start": 0, "interval_step": 0.2},
        },
        redis_socket_timeout=timeout,
        redis_socket_connect_timeout=timeout,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_publish_retry_policy={
            "max_retries": 2,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 1,
        },
        result_expires=int(settings.retention.results),
        result_chord_expires=int(settings.retention.results),
        task_queues=[queue(ids.CONTROL_QUEUE)],
        task_default_queue=ids.CONTROL_QUEUE,
        task_create_missing_queues=True,
        task_acks_late=True,
        # a session's arrival is told once, when its message has come; see request.py
        task_send_sent_event=False,
        worker_send_task_events=True,
        worker_disable_prefetch=True,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        worker_soft_shutdown_timeout=5,
        worker_enable_remote_control=True,
        beat_schedule=beat_schedule(settings.supervision.probe_every),
        redbeat_redis_url=plain_url(broker_url),
        redbeat_key_prefix=f"{settings.broker.prefix}redbeat:",
        redbeat_lock_timeout=15,
        beat_max_loop_interval=5,
    )
    app.register_task(SessionTask())
    return app
