"""What is merged: the parts, as a canvas hands them on.

Any result may be one: a session's outcome, or what another task returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from coders_queue import ids
from coders_queue.models.base import Model
from coders_queue.models.outcome import WorkspaceResult

#: What tells an outcome from other data.
_OF_AN_OUTCOME = frozenset({"id", "state", "result", "attempts"})


class Part(Model):
    """One of the things to merge."""

    number: int
    """Its place among the parts, from 1."""
    session: str | None = None
    """The session's id; None for what is no outcome."""
    ok: bool = True
    """Whether it succeeded."""
    cause: str | None = None
    """Why not, one line."""
    value: Any = None
    """The answer, or without one what was printed; of what is no outcome, all of it."""
    host: str | None = None
    """Where it ran."""
    workspace: WorkspaceResult | None = None
    """What it left in its workspace."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"part {self.number}" if self.session is None else ids.short(self.session)


def parts_of(inputs: Sequence[Any]) -> tuple[Part, ...]:
    """The parts in a session's inputs: of a list each element is one, as in a chord's body."""
    found: list[Any] = []
    for value in inputs:
        found += value if isinstance(value, list) else [value]
    return tuple(_part(number, value) for number, value in enumerate(found, 1))


def _part(number: int, value: Any) -> Part:
    if not (isinstance(value, Mapping) and value.keys() >= _OF_AN_OUTCOME):
        return Part(number=number, value=value)
    ok = value["state"] == "succeeded"
    answer = value["result"] if value["result"] is not None else value.get("output", "")
    return Part(
        number=number,
        session=str(value["id"]),
        ok=ok,
        cause=None if ok else _cause(value),
        value=answer,
        host=_text(value.get("host")),
        workspace=_workspace(value.get("workspace")),
    )


def _cause(value: Mapping[str, Any]) -> str:
    cause = value.get("cause")
    message = cause.get("message") if isinstance(cause, Mapping) else None
    said = " ".join(str(message).split()) if message else ""
    return f"{value['state']}: {said}" if said else str(value["state"])


def _workspace(value: Any) -> WorkspaceResult | None:
    if not isinstance(value, Mapping):
        return None
    # a newer version may say more
    known = {name: value[name] for name in WorkspaceResult.model_fields if name in value}
    try:
        return WorkspaceResult.model_validate(known)
    except ValidationError:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
