"""The queue's messages, as Celery publishes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery import Celery, states
from kombu.exceptions import OperationalError
from redis import RedisError

from coders_queue import errors, ids
from coders_queue.models.record import SessionRecord
from coders_queue.queue import context, names

if TYPE_CHECKING:
    from celery.app.task import Task

#: How long a host's message is worth delivering, seconds: the sweep repeats what it asked for.
HOST_MESSAGE_TTL = 60


@contextmanager
def sending() -> Iterator[None]:
    """What is raised for want of a broker is Unavailable, as the store's is."""
    try:
        yield
    except (OperationalError, RedisError, ConnectionError, TimeoutError) as error:
        raise errors.Unavailable(
            f"the broker takes no message: {str(error)[:300]}", "coders doctor looks at it"
        ) from None


class CeleryPublisher:
    """Sends tasks by name to the queues that do them. Raises Unavailable without a broker."""

    def __init__(self, app: Celery, away: Callable[[], bool] = lambda: False) -> None:
        """``away``: whether the broker is known to be away, so that nothing is tried."""
        self._app = app
        self._away = away

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """As :func:`sending`; where the broker is known to be away, nothing is tried."""
        if self._away():
            raise errors.Unavailable("the broker is away", "it is sent when the broker is back")
        with sending():
            yield

    def _to_host(self, host: str, name: str, *args: Any, ttl: float = HOST_MESSAGE_TTL) -> None:
        with self._ours():
            self._app.send_task(
                name, args=args, queue=ids.host_queue(host), expires=ttl, ignore_result=True
            )

    def spawn(self, host: str, session_id: str, attempt: int) -> None:
        """To the host: bring the attempt up."""
        self._to_host(host, names.SPAWN, session_id, attempt)

    def stop(self, host: str, session_id: str, attempt: int) -> None:
        """To the host: end the attempt."""
        self._to_host(host, names.STOP, session_id, attempt)

    def archive(self, host: str, session_id: str, attempt: int) -> None:
        """To the host: store what the attempt left."""
        self._to_host(host, names.ARCHIVE, session_id, attempt, ttl=3600)

    def answer(self, host: str, approval_id: str, token: str, ttl: float) -> None:
        """To the host: give the answer."""
        self._to_host(host, names.ANSWER, approval_id, token, ttl=ttl)

    def sweep(self, host: str) -> None:
        """To the host: hold what runs against what should run."""
        self._to_host(host, names.SWEEP, ttl=5)

    def clean(self, host: str, ttl: int) -> None:
        """To the host: remove what ended sessions left."""
        self._to_host(host, names.CLEAN_HOST, ttl=ttl)

    def probe(self, host: str, ttl: float) -> None:
        """To the host: look at every session."""
        self._to_host(host, names.PROBE_HOST, ttl=ttl)

    @property
    def _session_task(self) -> Task[Any, Any]:
        return self._app.tasks[names.SESSION]

    def resend(self, record: SessionRecord) -> None:
        """The session's own message, with its saved context (or as it was first published)."""
        task = self._session_task
        with self._ours():
            if record.request is not None:
                saved = context.restore(record.request)
                task.signature_from_request(saved, expires=None).apply_async()
            else:
                task.apply_async(
                    args=tuple(record.inputs),
                    task_id=record.id,
                    **context.unplain(record.publish or {}),
                )

    def kick_chord(self, body_id: str, member: SessionRecord) -> bool:
        """Count a finished member of a chord again; False when the body is already on its way.

        Celery keeps a chord's size until the body is sent, and counts each member once, so counting
        one again is harmless, and sends the body if the worker that should have sent it died.
        """
        if member.request is None:
            return False
        with self._ours():
            return self._kick(member, context.restore(member.request))

    def _kick(self, member: SessionRecord, request: Any) -> bool:
        backend: Any = self._app.backend
        if not request.group or not backend.client.exists(
            backend.get_key_for_group(request.group, ".s")
        ):
            return False
        result = self._app.AsyncResult(member.id)
        if result.state == states.SUCCESS:
            backend.on_chord_part_return(request, states.SUCCESS, result.result)
        elif result.state == states.FAILURE:
            backend.on_chord_part_return(request, states.FAILURE, result.result)
        return True
