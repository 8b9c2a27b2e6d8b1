"""What is written down while the store is away, one entry a write, and how each is done again.

Owns the form of the entries. Every write is fenced and may be done twice, so that an entry whose
write had reached the store after all changes nothing there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coders_queue.models.activity import Activity
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store.base import Store

#: The form of the entries; one of a newer version is not done here.
FORM = 1


@dataclass(frozen=True)
class Entry:
    """One write."""

    operation: str
    session: str
    data: Mapping[str, Any]

    def encode(self) -> str:
        """As text."""
        return json.dumps({"form": FORM, "data": self.data}, separators=(",", ":"))


def decode(operation: str, session: str, text: str) -> Entry:
    """The inverse. Raises ValueError for what is no entry of this version."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("form") != FORM or operation not in _DO:
        raise ValueError(f"{operation[:40]!r} is no entry that this version knows")
    return Entry(operation, session, found["data"])


def redo(store: Store, entry: Entry) -> object:
    """Do it in that store; what the store answers."""
    return _DO[entry.operation](store, entry.session, entry.data)


def submit(
    session_id: str, spec: SessionSpec, at: float, host: str | None, inputs: Any, publish: Any
) -> Entry:
    """See :meth:`Store.submit`."""
    data = {
        "spec": spec.model_dump(mode="json"),
        "at": at,
        "host": host,
        "inputs": list(inputs),
        "publish": None if publish is None else dict(publish),
    }
    return Entry("submit", session_id, data)


def _submit(store: Store, session_id: str, data: Mapping[str, Any]) -> object:
    return store.submit(
        session_id,
        SessionSpec.model_validate(data["spec"]),
        host=data["host"],
        inputs=data["inputs"],
        publish=data["publish"],
        begun_at=None if data["host"] is None else data["at"],
    )


def _move(store: Store, session_id: str, data: Mapping[str, Any]) -> object:
    rest = {name: data[name] for name in ("pid", "started_at", "agent_version")}
    return store.move(session_id, data["attempt"], State(data["target"]), **rest)


def _requeue(store: Store, session_id: str, data: Mapping[str, Any]) -> object:
    rest = {name: data[name] for name in ("due_at", "only_host", "keeps_place")}
    return store.requeue(session_id, AttemptEnd.model_validate(data["end"]), **rest)


def _note_activity(store: Store, session_id: str, data: Mapping[str, Any]) -> object:
    activity = Activity.model_validate(data["activity"])
    return store.note_activity(session_id, data["attempt"], activity)


def _finish(store: Store, session_id: str, data: Mapping[str, Any]) -> object:
    return store.finish(session_id, data["attempt"], Outcome.model_validate(data["outcome"]))


_DO: Mapping[str, Callable[[Store, str, Mapping[str, Any]], object]] = {
    "submit": _submit,
    "assign": lambda store, session, data: store.assign(session, data["host"], begun=True),
    "move": _move,
    "requeue": _requeue,
    "note_activity": _note_activity,
    "prioritize": lambda store, session, data: store.prioritize(session, data["priority"]),
    "request_cancel": lambda store, session, data: store.request_cancel(session, data["reason"]),
    "finish": _finish,
    "mark_archived": lambda store, session, data: store.mark_archived(session, data["attempt"]),
    "record_event": lambda store, session, data: store.record_event(
        session, data["attempt"], data["kind"], data["data"]
    ),
}
