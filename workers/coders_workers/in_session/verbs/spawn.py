"""``spawn``: a child, begun as people's sessions are, within what its parent may."""

from __future__ import annotations

import time
import uuid
from typing import Any

from coders_queue import errors
from coders_queue.models.record import SessionRecord
from coders_queue.models.rule import CHAIN
from coders_queue.models.spec import SessionSpec
from coders_queue.queue.session_task import parse_spec
from coders_workers import workspace
from coders_workers.in_session import rights
from coders_workers.in_session.call import Call
from coders_workers.server.spawning import Spawning

#: Namespace of children's ids: asked for again, it is the same child.
_CHILDREN = uuid.UUID("0d7c7a56-5a0b-5f0e-9d0c-0a4f1f5f2c61")


def run(call: Call) -> dict[str, Any]:
    """Begin it, once. Raises Denied for more than the parent may, and for one too many."""
    child_id = str(uuid.uuid5(_CHILDREN, f"{call.record.id}/{call.request}"))
    known = call.station.store.get(child_id)
    if known is not None:
        return _told(known)
    request = _request(call, child_id)
    settings, families = call.station.settings.coordination, call.station.store.families
    if not families.adopt(call.record.id, child_id, settings.max_children):
        raise errors.Denied(
            f"you have begun {settings.max_children} sessions, and may not begin more",
            "coordination.max_children limits them; do the rest yourself",
        )
    parts = Spawning(call.station).spawn(request)
    try:
        while True:
            next(parts)
    except StopIteration as stop:
        record: SessionRecord = stop.value[0]
    except errors.Unavailable:
        raise  # it may have been taken: it stays counted
    except errors.CodersError:
        families.disown(call.record.id, child_id)
        raise
    return _told(record)


def _request(call: Call, child_id: str) -> dict[str, Any]:
    """As people's requests come: all that can be known to be wrong is refused here or there."""
    parent, params = call.record.spec, call.params
    depth = rights.depth_of(parent) + 1
    limit = call.station.settings.coordination.max_depth
    if depth > limit:
        raise errors.Denied(
            f"a session at depth {depth - 1} may begin no other",
            f"coordination.max_depth is {limit}: do it yourself",
        )
    spec: dict[str, Any] = {
        "agent": params["agent"],
        "task": params.get("task"),
        "argv": params.get("argv", []),
        "name": params.get("name"),
        "mode": "interactive" if params.get("interactive") else "headless",
        "model": params.get("model"),
        "permission": params.get("permission", "default"),
        "output_schema": params.get("schema"),
        "host": call.station.host.name,
        "owner": parent.owner,
        "labels": {**_chain(parent), rights.PARENT: call.record.id, rights.DEPTH: str(depth)},
        "timeout": _timeout(call),
        "priority": parent.priority,
        "correlation_id": parent.correlation_id or call.record.id,
        "context": [str(one) for one in parent.context],
        "mcp": parent.mcp,
    }
    prepared = workspace.recall(call.directory)
    own = str(prepared.cwd) if prepared else parent.place
    cwd = rights.directory_for(parent, own, params.get("cwd"))
    asked = parse_spec({**spec, "workspace": {"type": "directory", "path": cwd}})
    if asked.argv and asked.agent not in ("shell", "merge"):
        raise errors.Denied(
            f"arguments for the program of {asked.agent} cannot be given to a child",
            "say in its task what it is to do",
        )
    rights.check_power(parent, asked)
    return {
        "id": child_id,
        "spec": spec,
        "cwd": cwd,
        "worktree": params.get("worktree"),
        "environ": dict(parent.env),
        "wait": False,
    }


def _timeout(call: Call) -> float | None:
    """What was asked for, but no longer than the parent has left."""
    asked = call.params.get("timeout")
    parent = call.record
    if parent.spec.timeout is None or parent.started_at is None:
        return asked
    left = parent.started_at + parent.spec.timeout - time.time()
    return max(1.0, left if asked is None else min(asked, left))


def _told(record: SessionRecord) -> dict[str, Any]:
    return {"id": record.id, "name": record.spec.name, "state": str(record.state)}


def _chain(parent: SessionSpec) -> dict[str, str]:
    """The rules that led to the parent led to its child, too: none may go round by way of it."""
    return {CHAIN: parent.labels[CHAIN]} if CHAIN in parent.labels else {}
