"""The fields of an action with their templates filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from coders_queue.documents.parsed import KeyPath
from coders_queue.flows.data import Fault, text_of
from coders_queue.flows.language import render
from coders_queue.models.rule import CHAIN, Action, Notify, Send, Spawn, Stop, Task, Webhook
from coders_queue.models.spec import SessionSpec

#: Fields of a session that go over as they are.
_PLAIN = ("mode", "provider", "permission", "timeout", "priority")
#: What of an action is no template: choices, numbers, addresses.
_NO_TEMPLATES = frozenset({*_PLAIN, "url", "headers", "queue"})


def places(action: Action) -> Iterator[tuple[KeyPath, str]]:
    """The texts of an action that may be templates, by their keys within it."""
    of_it = {"task": ("name",), "notify": ("to",)}.get(action.kind, ())
    for key, value in getattr(action, action.kind).model_dump().items():
        if key not in _NO_TEMPLATES and key not in of_it:
            yield from _texts(value, (action.kind, key))


def payload(action: Action, values: Mapping[str, Any], chain: tuple[str, ...]) -> dict[str, Any]:
    """What is to be done, filled in; nothing secret of the configuration is in it. Raises Fault."""
    found: dict[str, Any] = _storable(_payload(action, values, chain))
    return found


def _storable(value: Any) -> Any:
    """The value with what is no UTF-8 shown as such: not every store carries it."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value


def _payload(action: Action, values: Mapping[str, Any], chain: tuple[str, ...]) -> dict[str, Any]:
    match getattr(action, action.kind):
        case Spawn() as spawn:
            return session(spawn, values, chain)
        case Send() as send:
            return {
                "to": _optional("to", send.to, values) or f"session:{values['event']['session']}",
                "text": text_of(_named("text", send.text, values)),
            }
        case Stop() as stop:
            reason = text_of(_named("reason", stop.reason, values))
            return {"session": _session(stop.session, values), "reason": reason[:500]}
        case Notify() as notify:
            title = text_of(_named("title", notify.title, values))
            return {"title": title, "body": text_of(_named("body", notify.body, values))}
        case Webhook() as webhook:
            if webhook.body is None:
                return {"body": {key: values[key] for key in ("event", "session", "rule", "chain")}}
            return {"body": _filled("body", webhook.body, values)}
        case Task() as task:
            return {
                "args": _filled("args", list(task.args), values),
                "kwargs": _filled("kwargs", task.kwargs, values),
            }
    raise AssertionError


def session(spawn: Spawn, values: Mapping[str, Any], chain: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a session's request. Raises Fault."""
    agent, _, version = text_of(_named("agent", spawn.agent, values)).partition("@")
    spec: dict[str, Any] = {"agent": agent, "workspace": _workspace(spawn, values)}
    if version:
        spec["version"] = version
    for field in ("task", "name", "model", "host"):
        if (text := _optional(field, getattr(spawn, field), values)) is not None:
            spec[field] = text
    for field in ("argv", "check"):
        if words := getattr(spawn, field):
            spec[field] = [
                text_of(_named(f"{field}.{place}", word, values))
                for place, word in enumerate(words)
            ]
    if spawn.env:
        spec["env"] = {
            key: text_of(_named(f"env.{key}", text, values)) for key, text in spawn.env.items()
        }
    labels = {
        key: text_of(_named(f"labels.{key}", text, values)) for key, text in spawn.labels.items()
    }
    spec["labels"] = {**labels, CHAIN: ",".join(chain)}
    owner = _optional("owner", spawn.owner, values) or values.get("owner")
    if owner:
        spec["owner"] = owner
    for field in _PLAIN:
        if (value := getattr(spawn, field)) is not None:
            spec[field] = value
    try:
        SessionSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the session"
        raise Fault(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
    return spec


def _workspace(spawn: Spawn, values: Mapping[str, Any]) -> dict[str, Any]:
    place = _optional("cwd", spawn.cwd, values)
    if place is None:
        place = values["session"].get("cwd")
        if place is None:
            raise Fault("cwd: its session's directory is not known any more")
    ref = _optional("worktree", spawn.worktree, values)
    if ref is None:
        return {"type": "directory", "path": place}
    branch = _optional("branch", spawn.branch, values)
    return {"type": "worktree", "repository": place, "ref": ref, "branch": branch}


def _session(text: str | None, values: Mapping[str, Any]) -> str:
    found = _optional("session", text, values)
    return found or str(values["event"]["session"])


def _filled(path: str, given: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(given, str):
        return _named(path, given, values)
    if isinstance(given, dict):
        return {key: _filled(f"{path}.{key}", one, values) for key, one in given.items()}
    if isinstance(given, list | tuple):
        return [_filled(f"{path}.{place}", one, values) for place, one in enumerate(given)]
    return given


def _named(field: str, text: str, values: Mapping[str, Any]) -> Any:
    try:
        return render(text, values)
    except Fault as fault:
        raise Fault(f"{field}: {fault}") from None


def _optional(field: str, text: str | None, values: Mapping[str, Any]) -> str | None:
    if text is None:
        return None
    value = _named(field, text, values)
    return None if value is None else text_of(value)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _texts(one, (*path, str(number)))
