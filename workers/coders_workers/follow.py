"""What follows from events on a host, by way of Celery. Failures here are mended by the reapers."""

from __future__ import annotations

import structlog
from celery import states
from celery.exceptions import BackendError
from kombu.exceptions import OperationalError
from redis import RedisError

from coders_queue import errors
from coders_queue.queue.app import CodersApp

log = structlog.get_logger(__name__)

_OUT_OF_REACH = (
    *(OperationalError, RedisError, BackendError, errors.Unavailable),
    *(ConnectionError, TimeoutError),  # neither is what redis-py calls the same
)


class CeleryFollow:
    """Tells Celery, its monitors and the archive what happened."""

    def __init__(self, app: CodersApp, host: str) -> None:
        self._app = app
        self._host = host

    def started(self, session_id: str, pid: int, at: float) -> None:
        """The agent's process lives: STARTED for those who ask the backend and for monitors."""
        try:
            self._app.backend.store_result(
                session_id, {"pid": pid, "hostname": self._host}, states.STARTED
            )
        except _OUT_OF_REACH as error:
            # the record says the same; only AsyncResult.state is late
            log.warning("started_not_told", session=session_id, cause=str(error))
        self._app.announce("task-started", session_id)

    def complete(self, session_id: str) -> None:
        """The session has ended: its message goes out, and its place to who waits for one."""
        try:
            self._app.dispatch.complete(session_id)
        except _OUT_OF_REACH as error:
            log.warning("completion_delayed", session=session_id, cause=str(error))
        try:
            self._app.dispatch.fill()
        except (*_OUT_OF_REACH, errors.CodersError) as error:
            # the next reconciliation places who waits
            log.warning("placing_delayed", cause=str(error))

    def archive(self, session_id: str, attempt: int) -> None:
        """The attempt is over: what it left is to be stored."""
        try:
            self._app.publisher.archive(self._host, session_id, attempt)
        except _OUT_OF_REACH as error:
            log.warning("archive_delayed", session=session_id, cause=str(error))
