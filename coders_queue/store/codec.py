"""A record as text fields, one a part, and back.

Owns the spelling of a stored record; knows nothing of where the fields lie. The text is ASCII JSON,
so that surrogate-escaped bytes survive. Three parts are kept apart from the specification: its
environment (with a twin whose values are blank, which takes its place at the end) and, for indexes,
its name and owner.

A record of a newer version: :func:`decode` refuses it with a Conflict; :func:`decode_leniently`
shows what can be shown, for lists: unknown parts are left out, an unknown state is shown as the
nearest thing the other parts say (with a time of end: failed; on a host: running; else queued), and
the label ``coders.newer`` of what is returned says what was left out. Writes stay safe: the store
compares the state it has, not the one shown. A further field is no trouble to either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import SessionSpec

#: The fields of a stored record that make up a SessionRecord, big and seldom read ones last.
FIELDS = (
    "state",
    "attempt",
    "spec",
    "env",
    "priority",
    "host",
    "created_at",
    "assigned_at",
    "started_at",
    "ended_at",
    "pid",
    "agent_version",
    "activity",
    "due_at",
    "only_host",
    "cancel_reason",
    "settled",
    "archived",
    "history",
    "outcome",
    "inputs",
    "publish",
    "request",
)
#: What a list does without: ``inputs``, ``publish`` and ``request``.
LIST_FIELDS = FIELDS[: FIELDS.index("inputs")]

#: The label that says what a lenient reading could not show.
NEWER_LABEL = "coders.newer"

#: Stands for any host, agent, ... in what limits and turns are told apart by.
ANY = "*"

_JSON_FIELDS = frozenset(FIELDS) - {"state", "host", "only_host", "archived"}
#: Parts of the request that have fields of their own, since they change.
_OF_SPEC = ("env", "priority")
_UPGRADE = "upgrade coders-queue here to the version that wrote it"


def dumps(value: Any, what: str) -> str:
    """ASCII JSON of ``value``. Raises UsageError for what JSON cannot carry."""
    try:
        return json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.UsageError(f"{what} cannot be stored as JSON: {error}") from None


def through(value: Any, what: str) -> Any:
    """``value`` as it comes back from being stored. Raises UsageError like :func:`dumps`."""
    return json.loads(dumps(value, what))


def encode_new(
    spec: SessionSpec, created_at: float, inputs: Sequence[Any], publish: Mapping[str, Any] | None
) -> dict[str, str]:
    """The fields of a new record, but for state, attempt and what an assignment adds."""
    parts = spec.model_dump(mode="python")
    env: dict[str, str] = parts.pop("env")
    priority: int = parts.pop("priority")
    fields = {
        "spec": dumps(parts, "the specification"),
        "env": dumps(env, "the environment"),
        "env_blank": dumps(dict.fromkeys(env, ""), "the environment"),
        "priority": str(priority),
        "claim": encode_claim(spec),
        "owner": encode_owner(spec.owner),
        "created_at": number(created_at),
    }
    if spec.name is not None:
        fields["name"] = spec.name
    if spec.quorum is not None and spec.quorum.group is not None:
        fields |= {"quorum": spec.quorum.group, "quorum_need": str(spec.quorum.need)}
    if inputs:
        fields["inputs"] = dumps(list(inputs), "the inputs")
    if publish is not None:
        fields["publish"] = dumps(dict(publish), "the publishing options")
    return fields


def encode_owner(owner: str) -> str:
    """An owner as its field holds it, to compare by."""
    return dumps(owner, "the owner")


def encode_claim(spec: SessionSpec) -> str:
    """What limits and turns tell a session by, a line each: owner, agent, account, host, labels.

    All but the host is JSON, which has no line ends; ``*`` is any host.
    """
    labels = (dumps(f"{key}={value}", "a label") for key, value in sorted(spec.labels.items()))
    return "\n".join(
        (
            encode_owner(spec.owner),
            dumps(spec.agent, "the agent"),
            encode_account(spec.account),
            spec.host or ANY,
            *labels,
        )
    )


def encode_account(account: str) -> str:
    """An account as it is stored, to compare by."""
    return dumps(account, "the account")


def encode_limit(limit: Limit) -> str:
    """A limit, a line each: agent, host, owner, label, concurrency, rate, burst."""

    def word(text: str | None) -> str:
        return ANY if text is None else dumps(text, "the limit")

    return "\n".join(
        (
            word(limit.agent),
            limit.host or ANY,
            word(limit.owner),
            word(limit.label),
            ANY if limit.concurrency is None else str(limit.concurrency),
            ANY if limit.rate is None else number(limit.rate),
            str(limit.burst),
        )
    )


def decode_limit(text: str) -> Limit:
    """What :func:`encode_limit` made."""
    agent, host, owner, label, concurrency, rate, burst = text.split("\n")

    def value(word: str) -> Any:
        return None if word == ANY else json.loads(word)

    return Limit(
        agent=value(agent),
        host=None if host == ANY else host,
        owner=value(owner),
        label=value(label),
        concurrency=value(concurrency),
        rate=value(rate),
        burst=int(burst),
    )


def encode_outcome(outcome: Outcome) -> str:
    """The outcome's field."""
    return dumps(outcome.model_dump(mode="python"), "the outcome")


def completed(outcome: Outcome, record: SessionRecord) -> Outcome:
    """The outcome with what its writer left open: the record's, which changes no more."""
    return outcome.model_copy(
        update={
            "attempts": outcome.attempts or record.attempt,
            "host": record.host if outcome.host is None else outcome.host,
            "agent_version": outcome.agent_version or record.agent_version,
            "started_at": record.started_at if outcome.started_at is None else outcome.started_at,
            "ended_at": record.ended_at if outcome.ended_at is None else outcome.ended_at,
        }
    )


def number(value: float) -> str:
    """A number that reads back as exactly itself. Raises UsageError for one that orders nothing."""
    if not math.isfinite(value):
        raise errors.UsageError(f"{value} is not a time")
    return repr(float(value))


def fields_of(values: Sequence[str | None], names: Sequence[str] = FIELDS) -> dict[str, str]:
    """Fields by name, those that are not set left out."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def decode(session_id: str, fields: Mapping[str, str]) -> SessionRecord:
    """The record. Raises Conflict for one that this version cannot read."""
    try:
        return _build(_parse(session_id, fields))
    except ValidationError as error:
        what = "; ".join(_complaint(item) for item in error.errors(include_url=False)[:3])
        raise errors.Conflict(
            f"the record of session {session_id} was written by another version of coders: {what}",
            _UPGRADE,
        ) from None
    except ValueError as error:
        raise errors.Conflict(
            f"the record of session {session_id} cannot be read: {error}", _UPGRADE
        ) from None


def decode_leniently(session_id: str, fields: Mapping[str, str]) -> SessionRecord:
    """The record, or as much of it as this version understands."""
    try:
        return _build(_parse(session_id, fields))
    except ValueError:
        pass
    left_out: list[str] = []
    data: dict[str, Any] = {}
    for name, text in fields.items():
        try:
            data.update(_parse(session_id, {name: text}))
        except ValueError:
            left_out.append(name)
    data = _stand_ins(data | {"id": session_id})
    # each round takes out one unknown part at least, or puts a stand-in for one that is missing
    for _ in range(100):
        try:
            record = _build(data)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                left_out.append(_complaint(item))
                _without(data, item["loc"])
            data = _stand_ins(data)
        else:
            said = "; ".join(dict.fromkeys(left_out)) or "parts of it are missing"
            labels = record.spec.labels | {NEWER_LABEL: said}
            return record.model_copy(
                update={"spec": record.spec.model_copy(update={"labels": labels})}
            )
    raise errors.Conflict(f"the record of session {session_id} cannot be read", _UPGRADE)


def _parse(session_id: str, fields: Mapping[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {"id": session_id}
    for name, text in fields.items():
        if name in _JSON_FIELDS:
            try:
                data[name] = json.loads(text)
            except ValueError:
                raise ValueError(f"its {name} is not JSON") from None
        elif name == "archived":
            attempts = text.split(",")
            if not all(attempt.isdigit() for attempt in attempts):
                raise ValueError("its archived attempts are no numbers")
            data[name] = [int(attempt) for attempt in attempts]
        elif name in ("host", "only_host"):
            data[name] = text or None
        else:
            data[name] = text
    if isinstance(data.get("spec"), dict):
        data["spec"] = data["spec"] | {
            name: data.pop(name) for name in _OF_SPEC if data.get(name) is not None
        }
    return data


def _build(data: Mapping[str, Any]) -> SessionRecord:
    record = SessionRecord.model_validate(dict(data))
    if record.outcome is None:
        return record
    return record.model_copy(update={"outcome": completed(record.outcome, record)})


def _complaint(item: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in item["loc"])
    # the value of an unknown word is worth showing; anything else may be a secret or large
    if place == "state" and isinstance(item.get("input"), str):
        return f"state {item['input'][:40]!r} is unknown"
    return f"{place}: {item['msg']}"


def _without(data: dict[str, Any], place: Iterable[int | str]) -> None:
    """Take out the part that a complaint is about, or the nearest part that encloses it."""
    here: Any = data
    parent: Any = data
    last: int | str | None = None
    for part in place:
        if isinstance(here, dict) and part in here:
            parent, last, here = here, part, here[part]
        elif isinstance(here, dict) and last is not None:
            continue  # the tag of a union: no part of the data
        else:
            break
    if last is not None:
        del parent[last]


def _stand_ins(data: dict[str, Any]) -> dict[str, Any]:
    spec = data.get("spec")
    spec = dict(spec) if isinstance(spec, dict) else {}
    spec.setdefault("agent", "unknown")
    spec.setdefault("workspace", {"type": "directory", "path": "/?"})
    if spec["agent"] == "shell" and not spec.get("argv") and spec.get("task") is None:
        spec["argv"] = ["?"]
    spec |= {name: data[name] for name in _OF_SPEC if data.get(name) is not None}
    if data.get("ended_at") is not None:
        nearest = State.FAILED
    else:
        nearest = State.RUNNING if data.get("host") else State.QUEUED
    return {
        "state": nearest,
        "created_at": 0.0,
        **{name: value for name, value in data.items() if name not in _OF_SPEC},
        "spec": spec,
    }
