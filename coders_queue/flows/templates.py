"""Where templates stand in a flow: each with its key, and with the names that it may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from coders_queue.documents.parsed import KeyPath
from coders_queue.flows.model import Flow, Glob, Step

#: Fields of a session that may be templates, as a file spells them, by their names here.
FIELDS = {
    "agent": "agent",
    "task": "task",
    "argv": "argv",
    "cwd": "cwd",
    "worktree": "worktree",
    "branch": "branch",
    "env": "env",
    "model": "model",
    "resume": "resume",
    "host": "host",
    "labels": "labels",
    "check": "check",
}

Scope = Literal["run", "step", "end", "submission", "flow"]

#: The names that a template of each scope may use; `run` has the item's, too, where there are some.
NAMES: dict[Scope, tuple[str, ...]] = {
    "run": ("parameters", "steps", "round", "previous"),
    "step": ("parameters", "steps", "round", "previous"),
    "end": (
        *("parameters", "steps", "round", "previous"),
        *("result", "output", "state", "outcome"),
    ),
    "submission": ("parameters",),
    "flow": ("parameters", "steps"),
}


@dataclass(frozen=True)
class Place:
    """A text that may be a template, or is a condition."""

    path: KeyPath
    text: str
    scope: Scope
    condition: bool = False


def of_step(flow: Flow, name: str) -> Iterator[Place]:
    """Those of one step, the defaults put in."""
    step, own = flow.whole[name], flow.steps[name]
    here = ("steps", name)
    for field, spelled in FIELDS.items():
        value = getattr(step, field)
        if not value:
            continue
        if isinstance(value, dict):
            for key, text in value.items():
                mine = key in getattr(own, field)
                yield Place((*(here if mine else ("defaults",)), spelled, key), text, "run")
        else:
            base = here if field in own.model_fields_set else ("defaults",)
            yield from _texts(value, (*base, spelled), "run")
    if step.merge is not None:
        yield from _texts(step.merge.options, (*here, "merge", "options"), "step")
    yield from _of_shape(step, here)


def _of_shape(step: Step, here: KeyPath) -> Iterator[Place]:
    if step.when is not None:
        yield Place((*here, "when"), step.when, "step", True)
    if isinstance(step.each, Glob):
        yield Place((*here, "each", "glob"), step.each.glob, "submission")
    elif step.each is not None:
        yield from _texts(step.each, (*here, "each"), "step")
    if step.go_back is not None:
        yield Place((*here, "go_back", "when"), step.go_back.when, "end", True)


def texts(value: Any) -> Iterator[str]:
    """All texts in a value."""
    return (place.text for place in _texts(value, (), "step"))


def of_result(flow: Flow) -> Iterator[Place]:
    """Those of the flow's own result."""
    yield from _texts(flow.result, ("result",), "flow")


def _texts(value: Any, path: KeyPath, scope: Scope) -> Iterator[Place]:
    if isinstance(value, str):
        yield Place(path, value, scope)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, (*path, key), scope)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _texts(one, (*path, str(number)), scope)
