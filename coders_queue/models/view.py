"""A session as everybody is shown it: one flat JSON object, without secrets."""

from __future__ import annotations

from typing import Any

from coders_queue.models.admission import Standing
from coders_queue.models.record import SessionRecord
from coders_queue.models.vitals import Vitals

#: How much of the output a list shows of each session, characters.
LISTED_OUTPUT = 2048


def session_object(
    record: SessionRecord,
    vitals: Vitals | None = None,
    *,
    output_limit: int | None = None,
    standing: Standing | None = None,
) -> dict[str, Any]:
    """The object that ``coders ls --json`` prints for a session.

    What is not known yet is null; ``output`` is "" until the end. Times are epoch seconds.
    ``vitals``: whether it lives, which the record cannot tell.
    ``output_limit``: characters of the output's end to keep, None for all that was stored.
    ``standing``: what it waits for, where that was looked up.
    """
    spec, outcome = record.spec, record.outcome
    output = outcome.output if outcome else ""
    truncated = outcome.output_truncated if outcome else False
    if output_limit is not None and len(output) > output_limit:
        output, truncated = output[-output_limit:], True
    return {
        "id": record.id,
        "name": spec.name,
        "agent": spec.agent,
        "version": spec.version,
        "agent_version": (outcome.agent_version if outcome else None) or record.agent_version,
        "state": str(record.state),
        **(vitals or Vitals()).model_dump(),
        "attempts": record.attempt,
        "host": record.host if outcome is None else outcome.host or record.host,
        "owner": spec.owner,
        "labels": dict(spec.labels),
        "mode": spec.mode,
        "cwd": spec.place,
        "created_at": record.created_at,
        "started_at": outcome.started_at if outcome else record.started_at,
        "ended_at": record.ended_at,
        "pid": record.pid,
        "activity": record.activity.model_dump(mode="json") if record.activity else None,
        "priority": spec.priority,
        "due_at": record.due_at,
        "waiting": standing.model_dump() if standing else None,
        "history": [one.model_dump(mode="json") for one in record.history],
        "cancel_reason": record.cancel_reason,
        "exit_code": outcome.exit_code if outcome else None,
        "signal": outcome.signal if outcome else None,
        "cause": outcome.cause.model_dump() if outcome and outcome.cause else None,
        "result": outcome.result if outcome else None,
        "output": output,
        "output_truncated": truncated,
        "usage": outcome.usage.model_dump() if outcome and outcome.usage else None,
        "conversation_id": outcome.conversation_id if outcome else None,
        "workspace": (
            outcome.workspace.model_dump(mode="json") if outcome and outcome.workspace else None
        ),
        "archived": list(record.archived),
        "correlation_id": spec.correlation_id or record.id,
    }


def spec_shown(record: SessionRecord) -> dict[str, Any]:
    """The request, with the values of its environment hidden."""
    data = record.spec.model_dump(mode="json")
    data["env"] = dict.fromkeys(record.spec.env, "(hidden)")
    return data
