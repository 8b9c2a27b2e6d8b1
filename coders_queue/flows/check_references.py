"""Whether what the templates of a flow refer to is there: names, steps, their fields, parameters.

Says of each step, too, which others it refers to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from coders_queue.documents.mistakes import meant
from coders_queue.documents.parsed import KeyPath
from coders_queue.flows import references
from coders_queue.flows.model import Flow, Step
from coders_queue.flows.order import Order
from coders_queue.flows.problem import Problem
from coders_queue.flows.references import Reference
from coders_queue.flows.templates import NAMES, Place
from coders_queue.merging.strategy import MergeResult
from coders_queue.models.outcome import Outcome

#: What a template sees of a step, and of one run of a step with ``each``.
STEP_FIELDS = ("state", "result", "output", "outcome")
RUN_FIELDS = ("item", "index", *STEP_FIELDS)

_ITEM = ("item", "index")
_MERGED = tuple(MergeResult.model_fields)


@dataclass
class Scanned:
    """What was found in the templates of a step."""

    problems: list[Problem] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    """Steps whose results it takes: it needs them."""
    asked: dict[str, None] = field(default_factory=dict)
    """Steps whose state its condition asks for: it comes after them."""
    previous: list[tuple[str, KeyPath, int]] = field(default_factory=list)
    """Steps whose result of the round before it takes, with key and line."""


def scan(flow: Flow, places: Iterable[Place], name: str | None) -> Scanned:
    """Look through templates: those of a step, or None, of the flow itself."""
    found = Scanned()
    step = None if name is None else flow.whole[name]
    for place in places:
        if place.condition:
            read = references.of_expression(place.text)
        else:
            read = references.of_template(place.text)
        told = ".".join(place.path)
        for wrong in read.wrong:
            found.problems.append(
                Problem(place.path, f"{told}: {wrong.message}", wrong.hint, wrong.line)
            )
        for reference in read.references:
            for message, hint in _wrong(flow, step, name, place, reference):
                found.problems.append(
                    Problem(place.path, f"{told}: {message}", hint, reference.line)
                )
            _note(found, place, reference, name)
    return found


def check_previous(order: Order, scanned: Mapping[str, Scanned]) -> Iterator[Problem]:
    """Whether ``previous`` names steps of the same loop."""
    if not any(one.previous for one in scanned.values()):
        return
    unit = {member: unit for unit in order.units for member in unit.members}
    for name, one in scanned.items():
        for other, path, line in one.previous:
            mates = unit[name].members if unit[name].gates else ()
            if other not in mates:
                yield Problem(
                    path,
                    f"{'.'.join(path)}: {other} is in no loop with {name}",
                    meant(other, mates) if mates else f"use steps.{other}",
                    line,
                )


def _note(found: Scanned, place: Place, reference: Reference, name: str | None) -> None:
    path = reference.path
    if len(path) < 2 or not isinstance(path[1], str):
        return
    other = path[1]
    if reference.root == "previous":
        found.previous.append((other, place.path, reference.line))
    elif reference.root == "steps" and not (place.scope == "end" and other == name):
        asks = len(path) < 3 or path[2] in ("state", "outcome") or isinstance(path[2], int)
        if place.condition and place.scope == "step" and asks:
            found.asked[other] = None
        else:
            found.used[other] = None


def _wrong(
    flow: Flow, step: Step | None, name: str | None, place: Place, reference: Reference
) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a reference, and the way out."""
    root, path = reference.root, reference.path
    names = NAMES[place.scope]
    if place.scope == "run" and step is not None and step.each is not None:
        names = (*names, *_ITEM)
    if root not in names:
        yield _no_name(root, place, names)
    elif root == "parameters":
        yield from _parameter(flow, reference)
    elif root in ("steps", "previous"):
        yield from _step(flow, reference)
    elif place.scope == "end" and step is not None and root in STEP_FIELDS and name is not None:
        yield from _field(step, name, path, str(reference))
    elif root == "round" and len(path) > 1:
        yield "round is a number", None


def _no_name(root: str, place: Place, names: tuple[str, ...]) -> tuple[str, str | None]:
    if root in _ITEM:
        if place.scope == "run":
            return f"{root}: the step has no each", "give it one, or take the reference out"
        return f"{root} has no meaning here", "it is for the fields of one item's session"
    if root in STEP_FIELDS:
        return f"there is no {root} here", f"write steps.NAME.{root}"
    return f"there is no {root}", meant(root, names)


def _parameter(flow: Flow, reference: Reference) -> Iterator[tuple[str, str | None]]:
    path = reference.path
    if len(path) == 1:
        if not reference.whole:
            yield "a parameter is to be named: parameters.NAME", None
        return
    name = str(path[1])
    if name not in flow.parameters:
        yield f"there is no parameter {name}", meant(name, flow.parameters)
        return
    kind = flow.parameters[name].type
    if len(path) > 2 and kind not in ("object", "list"):
        yield f"parameters.{name} has no {path[2]}: it is {_article(kind)}", None
    elif len(path) > 2 and kind == "list" and isinstance(path[2], str):
        yield f"parameters.{name} has no {path[2]}: it is a list", None


def _step(flow: Flow, reference: Reference) -> Iterator[tuple[str, str | None]]:
    path = reference.path
    root = reference.root
    if len(path) == 1 or not isinstance(path[1], str):
        yield f"a step is to be named: {root}.NAME", None
        return
    name = path[1]
    if name not in flow.steps:
        yield f"there is no step {name}", meant(name, flow.steps)
        return
    step = flow.whole[name]
    told = f"{root}.{name}"
    if len(path) == 2:
        if step.each is None and reference.whole and root == "steps":
            yield f"{told} is a step, not a value", f"write {told}.result"
    elif isinstance(path[2], int):
        if step.each is None:
            yield f"{told} is one session, not a list", f"write {told}.result"
        elif len(path) > 3:
            yield from _field(step, name, path[3:], f"{told}[{path[2]}]", RUN_FIELDS, one=True)
    else:
        yield from _field(step, name, path[2:], told)


def _field(
    step: Step,
    name: str,
    path: tuple[str | int, ...],
    told: str,
    fields: tuple[str, ...] = STEP_FIELDS,
    *,
    one: bool = False,
) -> Iterator[tuple[str, str | None]]:
    """``path`` begins with a field of the step's, or of one run's."""
    first, *rest = path
    if first not in fields:
        yield f"{told} has no {first}", meant(str(first), fields)
        return
    if first == "result" and step.merge is None and step.agent is not None:
        bare = step.agent.partition("@")[0]
        if bare == "shell" and step.output_schema is None:
            yield f"{told}: {name} is of the agent shell, which gives no result", "use its output"
            return
    if first == "result" and step.merge is not None and rest and rest[0] not in _MERGED:
        yield f"{told}.result has no {rest[0]}: it is of a merge", meant(str(rest[0]), _MERGED)
        return
    single = one or step.each is None
    if not single and first in ("result", "output", "outcome"):
        if rest and isinstance(rest[0], str):
            hint = f"write [0].{rest[0]}, or {first} | map(attribute='{rest[0]}') | list"
            yield f"{told}.{first} is a list, one for each item: it has no {rest[0]}", hint
            return
        rest = rest[1:]
    if first == "outcome" and rest and rest[0] not in Outcome.model_fields:
        yield f"an outcome has no {rest[0]}", meant(str(rest[0]), Outcome.model_fields)
    elif first in ("state", "output") and rest and isinstance(rest[0], str):
        yield f"{told}.{first} is a text: it has no {rest[0]}", None
    elif first == "result" and isinstance(step.output_schema, dict):
        yield from _by_schema(step.output_schema, rest, f"{told}.result")


def _by_schema(
    schema: Mapping[str, Any], path: list[str | int], told: str
) -> Iterator[tuple[str, str | None]]:
    """Whether the answer's schema has what is referred to, as far as it says it plainly."""
    for part in path:
        if any(key in schema for key in ("$ref", "allOf", "anyOf", "oneOf", "if")):
            return
        kind = schema.get("type")
        if isinstance(part, int):
            inner = schema.get("items")
            if isinstance(kind, str) and kind != "array":
                yield f"{told} is {_article(kind)} by its schema, not a list", None
                return
        else:
            if isinstance(kind, str) and kind != "object":
                yield f"{told} is {_article(kind)} by its schema: it has no {part}", None
                return
            known = schema.get("properties")
            if not isinstance(known, dict):
                return
            if part not in known:
                if not schema.get("additionalProperties") and "patternProperties" not in schema:
                    yield f"{told} has no {part} by its schema", meant(part, known)
                return
            inner = known[part]
        if not isinstance(inner, dict):
            return
        told = f"{told}[{part}]" if isinstance(part, int) else f"{told}.{part}"
        schema = inner


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"
