"""The ``revoke`` control command, made to mean what it says for sessions.

Celery's own only keeps a list of ids in each worker's memory: it neither ends a session that runs
nor completes the canvas around it. For a session it is a durable cancel here; any other task is
revoked as ever. A client of this library does not even need a worker that listens: what it revokes
is written down before anybody is told.
"""

from __future__ import annotations

from typing import Any

from celery.app.control import Control
from celery.utils.functional import maybe_list
from celery.worker.control import control_command
from celery.worker.control import revoke as celery_revoke  # type: ignore[attr-defined]

from coders_queue.queue.dispatch import Dispatch


class SessionControl(Control):
    """``app.control`` of a client: revoking a session outlives workers and brokers that die."""

    def revoke(self, task_id: Any, *args: Any, **kwargs: Any) -> Any:
        """Cancel sessions, durably; tell the workers to revoke the other tasks."""
        dispatch: Dispatch = self.app.dispatch  # type: ignore[attr-defined]
        others = [one for one in maybe_list(task_id) or [] if not dispatch.cancel(one, "revoked")]
        if not others and not kwargs.get("reply"):
            return None
        # who asks for the workers' replies is given them: to cancel twice is to cancel
        return super().revoke(others or task_id, *args, **kwargs)


@control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(
    state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **kwargs: Any
) -> Any:
    """Cancel sessions, durably; revoke other tasks by id (or list of ids)."""
    dispatch = getattr(state.app, "dispatch", None)
    if not isinstance(dispatch, Dispatch):  # a worker of somebody else's that imports this library
        return celery_revoke(state, task_id, terminate=terminate, signal=signal, **kwargs)
    others = []
    cancelled = []
    for one in maybe_list(task_id) or []:
        if dispatch.cancel(one, "revoked") is not None:
            cancelled.append(one)
        else:
            others.append(one)
    if others:
        return celery_revoke(state, others, terminate=terminate, signal=signal, **kwargs)
    return {"ok": f"sessions {cancelled} cancelled"}
