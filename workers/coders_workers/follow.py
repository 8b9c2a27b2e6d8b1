"""What follows from events on a host, by way of Celery. Failures here are mended by the reapers."""

from __future__ import annotations

import threading
import time

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


#: How long a message that asks to archive is waited for before another goes out, seconds.
_ASK_AGAIN = 2.0


class CeleryFollow:
    """Tells Celery, its monitors and the archive what happened."""

    def __init__(self, app: CodersApp, host: str) -> None:
        self._app = app
        self._host = host
        self._lock = threading.Lock()
        #: Attempts to archive that go along with the message that is on its way.
        self._along: dict[tuple[str, int], None] = {}
        self._asked_at: float | None = None

    def started(self, session_id: str, pid: int, at: float) -> None:
        """The agent's process lives: STARTED for those who ask the backend and for monitors."""
        if self._app.away():
            return  # the record says the same, when it is told
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
        self.freed()

    def freed(self) -> None:
        """A place is free: it goes to whose turn it is."""
        try:
            self._app.dispatch.fill()
        except (*_OUT_OF_REACH, errors.CodersError) as error:
            # the next reconciliation places who waits
            log.warning("placing_delayed", cause=str(error))

    def archive(self, session_id: str, attempt: int) -> None:
        """The attempt is over: what it left is to be stored.

        One message at a time is on its way: in a rush, each would cost more than what it asks for.
        Should it be lost, with all that go along, the sweep comes here again.
        """
        now = time.monotonic()
        with self._lock:
            if self._asked_at is not None and now - self._asked_at < _ASK_AGAIN:
                self._along[session_id, attempt] = None
                return
            self._asked_at = now
        try:
            self._app.publisher.archive(self._host, session_id, attempt)
        except _OUT_OF_REACH as error:
            log.warning("archive_delayed", session=session_id, cause=str(error))

    def also_archive(self, limit: int) -> list[tuple[str, int]]:
        """Others to be stored now. Those over the limit get a message of their own."""
        with self._lock:
            self._asked_at = None
            waiting = list(self._along)
            self._along.clear()
        for session_id, attempt in waiting[limit:]:
            self.archive(session_id, attempt)
        return waiting[:limit]
