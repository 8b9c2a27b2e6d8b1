"""What the conditions and templates of a rule see: an event, its session, the rules before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from coders_queue.models.event import Event
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.rule import CHAIN
from coders_queue.models.view import session_object

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
#: How many links of a chain are looked at: it is too long before.
_LINKS = 64

#: How much of a session's output they see, characters of its end.
OUTPUT = 16 * 1024

#: The names, and what they are.
NAMES: Mapping[str, str] = {
    "event": "the event: its fields, and those of its `data`, by `event.data`",
    "session": "the session as `coders show --json` prints it; what is not known is none",
    "rule": "the rule's name",
    "chain": "the names of the rules that led to this session, a list",
    "kind": "the event's kind",
    "state": "the state that the event tells of; of other events, the session's",
    "agent": "the session's agent",
    "owner": "the session's owner",
    "name": "the session's name, or none",
    "labels": "the session's labels: `labels.team`; one that is not there is none",
    "host": "the host, or none",
    "cause": "why it did not succeed, in a word; else none",
    "doing": "what its agent is doing, in a word; none where nothing tells",
    "data": "the event's data; a field that it does not have is none",
}


class Lenient(dict[str, Any]):
    """Data of which a field that is not there is none: not every session has every label."""

    def __missing__(self, key: str) -> None:
        return None


def chain_of(labels: Mapping[str, str]) -> tuple[str, ...]:
    """The rules that led to a session."""
    found = labels.get(CHAIN, "").split(",")
    # anybody may give a label: what is no name of a rule is none
    return tuple(one for one in found[:_LINKS] if _NAME.fullmatch(one))


def session_values(record: SessionRecord | None, event: Event) -> dict[str, Any]:
    """A session as rules see it; of one whose record is gone, what the event tells."""
    if record is None:
        return {**_NOTHING, "id": event.session, "host": event.host}
    return session_object(record, output_limit=OUTPUT)


def values(
    rule: str, event: Event, session: Mapping[str, Any], labels: Mapping[str, str]
) -> dict[str, Any]:
    """All of it."""
    told = session.get("cause")
    activity = session.get("activity")
    data = event.data
    state = event.kind.removeprefix("session.")
    return {
        "event": event.model_dump(mode="json"),
        "session": dict(session),
        "rule": rule,
        "chain": list(chain_of(labels)),
        "kind": event.kind,
        "state": state if state in set(State) else session.get("state"),
        "agent": session.get("agent") or data.get("agent"),
        "owner": session.get("owner") or data.get("owner"),
        "name": session.get("name") or data.get("name"),
        "labels": Lenient(labels),
        "host": event.host or session.get("host"),
        "cause": data.get("cause") or (told.get("kind") if isinstance(told, Mapping) else told),
        "doing": data.get("doing")
        or (activity.get("doing") if isinstance(activity, Mapping) else None),
        "data": Lenient(data),
    }


def _nothing() -> dict[str, Any]:
    """The keys of a session object, with nothing in them."""
    sample = SessionRecord.model_validate(
        {
            "id": "",
            "state": "queued",
            "created_at": 0.0,
            "spec": {"agent": "none", "workspace": {"type": "directory", "path": "/"}},
        }
    )
    return dict.fromkeys(session_object(sample)) | {"labels": {}}


_NOTHING = _nothing()

#: The fields of a session.
SESSION_FIELDS = tuple(_NOTHING)
#: The fields of an event.
EVENT_FIELDS = tuple(Event.model_fields)
