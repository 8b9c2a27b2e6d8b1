"""What Flower hears of a session: one arrival, one start, one end with the agent's runtime.

A session's message is delivered twice (once to be written down, once with its outcome); neither
delivery lasts as long as the agent. So Celery's own events for the session task are silenced here,
or set right; *received* is told by the task at its first delivery and *started* by the host, when
the agent's process lives. Events carry no prompt and no output.
"""

from __future__ import annotations

import contextlib
from typing import Any

from celery.worker.request import Request

from coders_queue.models.outcome import Outcome

#: Runtime and state on their way to their event, by task id. Filled by the task's ``run`` and
#: emptied by the event, both in this process; where no event is wanted, the oldest make room.
_ends: dict[str, tuple[float, str]] = {}
_MOST = 1000


def note_end(outcome: Outcome) -> None:
    """The next end event of this task tells this outcome's runtime and state."""
    with contextlib.suppress(StopIteration):
        while len(_ends) >= _MOST:
            _ends.pop(next(iter(_ends)), None)
    _ends[outcome.id] = (outcome.runtime, outcome.state)


class SessionRequest(Request):
    """``Request`` of the session task."""

    def send_event(self, type: str, **fields: Any) -> None:
        """Pass on an event of Celery's as it is true for a session."""
        eventer: Any = self._eventer  # type: ignore[attr-defined]
        if not (eventer and eventer.enabled) or type == "task-started":
            return
        if type in {"task-succeeded", "task-failed"}:
            end = _ends.pop(self.id, None)
            if type == "task-succeeded" and end is not None:
                fields.update(runtime=end[0], result=end[1])
        eventer.send(type, uuid=self.id, **fields)
