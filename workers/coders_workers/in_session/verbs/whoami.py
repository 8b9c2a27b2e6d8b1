"""``whoami``: the session as it may see itself."""

from __future__ import annotations

from typing import Any

from coders_workers import workspace
from coders_workers.in_session import rights
from coders_workers.in_session.call import Call


def run(call: Call) -> dict[str, Any]:
    """What it is. Nothing of other sessions, no secret."""
    record, spec = call.record, call.record.spec
    started = record.started_at
    ends = None if spec.timeout is None or started is None else started + spec.timeout
    prepared = workspace.recall(call.directory)
    return {
        "id": record.id,
        "name": spec.name,
        "agent": spec.agent,
        "owner": spec.owner,
        "labels": dict(spec.labels),
        "attempt": record.attempt,
        "host": record.host,
        "cwd": str(prepared.cwd) if prepared else spec.place,
        "permission": spec.permission,
        "parent": spec.labels.get(rights.PARENT),
        "depth": rights.depth_of(spec),
        "deadline": ends,
        "schema": spec.output_schema,
    }
