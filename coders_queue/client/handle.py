"""A session in the hands of a Python program."""

from __future__ import annotations

import time
from collections.abc import Callable

from celery.result import AsyncResult

from coders_queue import errors
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.vitals import Vitals, vitals
from coders_queue.queue.app import CodersApp

#: How long one wait for an event lasts before the record is looked at again, seconds.
_STEP = 1.0


class SessionHandle:
    """One session: look at it, wait for it, end it. Holds no state of its own."""

    def __init__(self, app: CodersApp, session_id: str) -> None:
        self._app = app
        self.id = session_id

    def __repr__(self) -> str:
        return f"SessionHandle({self.id!r})"

    @property
    def record(self) -> SessionRecord:
        """What the store knows of it now. Raises NotFound when it has expired."""
        record = self._app.store.get(self.id)
        if record is None:
            raise errors.NotFound(f"there is no session {self.id}")
        return record

    @property
    def state(self) -> State:
        """Where it stands now."""
        return self.record.state

    @property
    def vitals(self) -> Vitals:
        """Whether its process lives, by the last heartbeat of its host."""
        record = self.record
        return vitals(record, self._app.store.health().get(record.host or ""))

    @property
    def async_result(self) -> AsyncResult[dict[str, object]]:
        """Celery's view of it: the session is a task, and this is its result."""
        return self._app.AsyncResult(self.id)

    def wait(self, timeout: float | None = None) -> Outcome:
        """The outcome, once it has ended. Raises TimedOut after ``timeout`` seconds.

        An agent's failure is a value: look at ``outcome.ok``.
        """
        record = self._until(lambda now: now.outcome is not None, timeout, "has not ended")
        if record.outcome is None:
            raise errors.CodersError(f"session {self.id} ended without an outcome")
        return record.outcome

    def wait_running(self, timeout: float | None = None) -> SessionRecord:
        """Its record, once its agent lives (or it has ended). Raises TimedOut."""
        return self._until(
            lambda now: now.state is State.RUNNING or now.state.ended, timeout, "does not run yet"
        )

    def cancel(self, reason: str = "cancelled by its owner") -> SessionRecord:
        """Ask for its end, queued or running; the record after the request."""
        record = self._app.dispatch.cancel(self.id, reason)
        if record is None:
            raise errors.NotFound(f"there is no session {self.id}")
        return record

    def _until(
        self, done: Callable[[SessionRecord], bool], timeout: float | None, what: str
    ) -> SessionRecord:
        store = self._app.store
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            last = store.last_event_id()
            record = self.record
            if done(record):
                return record
            while True:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise errors.TimedOut(
                        f"session {record.label} {what} after {timeout:g} s: it is {record.state}"
                    )
                events = store.events(last, block=_STEP if left is None else min(_STEP, left))
                if not events:
                    break  # look at the record itself: an event may have been trimmed
                last = events[-1].id
                if any(event.session == self.id for event in events):
                    break
