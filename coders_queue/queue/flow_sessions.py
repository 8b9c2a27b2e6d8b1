"""The runs of flows as sessions: published as Celery tasks whose end is told to their flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coders_queue.flows.decision import Start
from coders_queue.models.flow import FlowRecord
from coders_queue.models.outcome import Outcome
from coders_queue.models.spec import SessionSpec
from coders_queue.queue import names
from coders_queue.queue.session_task import parse_spec

if TYPE_CHECKING:
    from coders_queue.queue.app import CodersApp

#: Labels of a flow's sessions: the flow's id, and the run as it is named in its log.
FLOW, RUN = "flow", "run"


class FlowSessions:
    """See :class:`~coders_queue.queue.flow_engine.Sessions`."""

    def __init__(self, app: CodersApp) -> None:
        self._app = app

    def submit(
        self, flow: FlowRecord, start: Start, session_id: str, inputs: list[Outcome]
    ) -> None:
        """Submit a run's session. Raises UsageError for one that cannot be."""
        run = str(start.key)
        options: dict[str, Any] = {}
        if start.not_before is not None:
            wait = start.not_before - self._app.flows.clock()
            options["countdown"] = max(0.0, wait)
        self._app.tasks[names.SESSION].apply_async(
            args=tuple(one.model_dump(mode="json") for one in inputs),
            kwargs={"spec": _spec(flow, start)},
            task_id=session_id,
            # the session's own result is its flow's to keep
            ignore_result=True,
            link=self._app.signature(names.FLOW_ENDED, args=(flow.id, run), ignore_result=True),
            **options,
        )

    def cancel(self, session_id: str, reason: str) -> None:
        """End it."""
        self._app.dispatch.cancel(session_id, reason)


def _spec(flow: FlowRecord, start: Start) -> SessionSpec:
    labels = {**start.spec.get("labels", {}), FLOW: flow.id, RUN: str(start.key)}
    whose = {"owner": flow.owner, "correlation_id": flow.id}
    # the flow's own space goes first: it is where its sessions share unless they name another
    spaces = (f"flow:{flow.id}", *start.spec.get("context", ()))
    return parse_spec({**whose, **start.spec, "labels": labels, "context": spaces})
