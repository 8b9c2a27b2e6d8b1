"""A session's children as it may see them. Reads the store."""

from __future__ import annotations

import json
from typing import Any

from coders_queue import errors
from coders_queue.models.record import SessionRecord
from coders_workers.in_session.call import Call

#: The largest result that is told, bytes of JSON.
_LARGEST = 64 * 1024


def of(call: Call) -> list[SessionRecord]:
    """The records of all its children, the oldest first."""
    store = call.station.store
    ids = store.families.children(call.record.id)
    records = store.get_many(ids)
    return [records[one] for one in ids if one in records]


def named(call: Call, names: list[str]) -> list[SessionRecord]:
    """Those that are named by id, start of an id or name. Raises NotFound, Ambiguous: other
    sessions are none of its business, whether or not there are any."""
    children = of(call)
    found: dict[str, SessionRecord] = {}
    for name in names:
        fit = [one for one in children if name in (one.id, one.spec.name)]
        fit = fit or [one for one in children if name and one.id.startswith(name)]
        if not fit:
            raise errors.NotFound(
                f"{name[:60]!r} is no session of yours", "see: coders here children"
            )
        if len(fit) > 1:
            several = ", ".join(one.id[:8] for one in fit)
            raise errors.Ambiguous(f"{name[:60]!r} may be {several}", "name one by its id")
        found[fit[0].id] = fit[0]
    return list(found.values())


def told(record: SessionRecord) -> dict[str, Any]:
    """One of them."""
    outcome = record.outcome
    result = outcome.result if outcome else None
    large = len(json.dumps(result)) > _LARGEST
    left = outcome.workspace if outcome else None
    found = {
        "id": record.id,
        "name": record.spec.name,
        "agent": record.spec.agent,
        "state": str(record.state),
        "doing": record.activity.doing if record.activity else None,
        "exit_code": outcome.exit_code if outcome else None,
        "cause": outcome.cause.model_dump() if outcome and outcome.cause else None,
        "result": None if large else result,
        "cwd": left.path if left else record.spec.place,
        "branch": left.branch if left else None,
    }
    return {**found, "result_left_out": True} if large else found
