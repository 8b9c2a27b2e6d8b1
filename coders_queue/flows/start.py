"""The session of a run: the step's fields with their templates filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.flows.data import Fault, text_of
from coders_queue.flows.language import render
from coders_queue.flows.model import Merge, Step
from coders_queue.merging import request
from coders_queue.models.spec import SessionSpec

#: Fields that go over as they are, when they are set.
_PLAIN = (
    *("mode", "provider", "permission", "output_schema", "timeout", "idle_timeout"),
    *("stuck_after", "priority", "context"),
)
_TEXTS = ("model", "resume", "host")


def session(step: Step, directory: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of its request. Raises Fault."""
    if step.merge is not None:
        spec = _merge(step, step.merge, directory, values)
    else:
        name, _, version = _text("agent", step.agent or "", values).partition("@")
        spec = {"agent": name, "workspace": _workspace(step, directory, values)}
        if version:
            spec["version"] = version
    if step.task is not None:
        spec["task"] = _text("task", step.task, values)
    for field in ("argv", "check"):
        if words := getattr(step, field):
            spec[field] = _words(field, words, values)
    for field in ("env", "labels"):
        if pairs := getattr(step, field):
            spec[field] = {
                key: _text(f"{field}.{key}", text, values) for key, text in pairs.items()
            }
    for field in _TEXTS:
        if (text := _optional(field, getattr(step, field), values)) is not None:
            spec[field] = text
    for field in _PLAIN:
        if field in step.model_fields_set and getattr(step, field) is not None:
            spec[field] = getattr(step, field)
    if step.restart is not None:
        spec["restart"] = step.restart.model_dump()
    try:
        SessionSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the session"
        raise Fault(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
    return spec


def options(given: Any, values: Mapping[str, Any], path: str = "merge.options") -> Any:
    """Plain data with its templates filled in. Raises Fault."""
    if isinstance(given, str):
        return _named(path, given, values)
    if isinstance(given, dict):
        return {key: options(one, values, f"{path}.{key}") for key, one in given.items()}
    if isinstance(given, list | tuple):
        return [options(one, values, f"{path}.{place}") for place, one in enumerate(given)]
    return given


def items(step: Step, values: Mapping[str, Any], most: int) -> list[Any]:
    """The items of an ``each`` that is a list, or a reference to one. Raises Fault."""
    found = options(step.each, values, "each")
    if not isinstance(found, list):
        raise Fault(f"each: should be a list, but is {text_of(found)[:60]}")
    if len(found) > most:
        raise Fault(f"each: has {len(found)} items, more than {most}")
    return found


def _merge(step: Step, merge: Merge, directory: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields that say what is merged how."""
    told = {key: options(one, values, f"merge.options.{key}") for key, one in merge.options.items()}
    place = _place(step, directory, values)
    ref = _optional("worktree", step.worktree, values)
    try:
        fields = request.fields(merge.strategy, told, place, ref or "HEAD")
    except errors.UsageError as error:
        raise Fault(str(error)) from None
    if ref is not None or fields["workspace"]["type"] == "worktree":
        fields["workspace"] = _workspace(step, directory, values, ref or "HEAD")
    return fields


def _place(step: Step, directory: str, values: Mapping[str, Any]) -> str:
    place = _optional("cwd", step.cwd, values) or "."
    if place in (".", "./"):
        return directory
    # no normalising: a/../b is not b when a is a symbolic link
    return place if place.startswith("/") else f"{directory.rstrip('/')}/{place}"


def _workspace(
    step: Step, directory: str, values: Mapping[str, Any], ref: str | None = None
) -> dict[str, Any]:
    place = _place(step, directory, values)
    ref = ref or _optional("worktree", step.worktree, values)
    if ref is None:
        return {"type": "directory", "path": place}
    branch = _optional("branch", step.branch, values)
    return {"type": "worktree", "repository": place, "ref": ref, "branch": branch}


def _named(field: str, text: str, values: Mapping[str, Any]) -> Any:
    try:
        return render(text, values)
    except Fault as fault:
        raise Fault(f"{field}: {fault}") from None


def _text(field: str, text: str, values: Mapping[str, Any]) -> str:
    return text_of(_named(field, text, values))


def _optional(field: str, text: str | None, values: Mapping[str, Any]) -> str | None:
    if text is None:
        return None
    value = _named(field, text, values)
    return None if value is None else text_of(value)


def _words(field: str, words: Any, values: Mapping[str, Any]) -> list[str]:
    if isinstance(words, str):
        found = _named(field, words, values)
        if not isinstance(found, list):
            raise Fault(f"{field}: should be a list of words, but is {text_of(found)[:60]}")
        return [text_of(word) for word in found]
    return [_text(f"{field}.{place}", word, values) for place, word in enumerate(words)]
