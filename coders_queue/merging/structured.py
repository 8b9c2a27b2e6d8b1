"""``json``: data of one shape, merged by the JSON schema that describes it.

Objects are merged property by property, lists are joined. How anything else comes together is said
by the schema itself, with the keyword ``x-merge`` at the place; without it, all have to agree.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from coders_queue import errors
from coders_queue.json_schema import WrongAnswer, check_schema, typed
from coders_queue.merging.part import Part
from coders_queue.merging.strategy import LeftOut, Merge, MergeFailed, Needs, Options, plain
from coders_queue.models.base import Model

KEYWORD = "x-merge"
#: What the keyword may say, beside ``{"by": PROPERTY}``, and what it does.
RULES = {
    "same": "all have to agree, else it is a conflict (how anything but objects and lists is "
    "merged without the keyword)",
    "first": "the first part's",
    "last": "the last part's",
    "vote": "what most have; of as many, the first",
    "min": "the smallest number",
    "max": "the largest number",
    "sum": "the numbers added up",
    "mean": "their mean",
    "join": "the texts, a line each",
    "concat": "the lists after one another (how lists are merged without the keyword)",
    "union": "the lists, what is there twice once (likewise with `uniqueItems`)",
}
#: How deep schemas and references may lead.
_DEEPEST = 100


class JsonOptions(Options):
    """The options of ``json``."""

    json_schema: dict[str, Any]
    """The JSON schema of the answers, and of what is made of them."""
    conflicts: Literal["first", "last", "vote", "fail"] = "first"
    """Whose value is taken where parts have to agree and do not; every such place is told. `fail`:
    the merge fails."""

    @field_validator("json_schema")
    @classmethod
    def _can_be_followed(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            check_schema(schema, "it")
        except errors.UsageError as error:
            raise ValueError(error.message) from None
        for place, rule in _rules(schema, ""):
            known = isinstance(rule, str) and rule in RULES
            by = isinstance(rule, dict) and rule.keys() == {"by"} and isinstance(rule["by"], str)
            if not known and not by:
                names = ", ".join(RULES)
                raise ValueError(
                    f'{KEYWORD} at {place or "its top"} is none of {names}, {{"by": NAME}}'
                )
        return schema


class Disagreement(Model):
    """A place at which parts do not agree."""

    at: str
    """The place: names and numbers joined by slashes; empty for the whole."""
    values: tuple[Any, ...]
    """What they have there, in the parts' order."""


class Structured(Model):
    """What ``json`` makes of the parts."""

    data: Any
    """Valid under the schema."""
    conflicts: tuple[Disagreement, ...]


class StructuredMerge:
    """Merges by a schema."""

    name = "json"
    about = "data of one shape, merged by the JSON schema that describes it"
    options: type[Options] = JsonOptions
    needs: Needs = "nothing"

    def merge(self, parts: Sequence[Part], options: JsonOptions, place: Path) -> Merge:
        """The data; an answer that is not valid under the schema spoils no other."""
        values = []
        left_out = []
        for part in parts:
            try:
                values.append(typed(part.value, options.json_schema))
            except WrongAnswer as error:
                left_out.append(LeftOut.of(part, f"its answer is {error}"))
        if not values:
            raise MergeFailed(f"no answer is as asked for: {left_out[0].cause}")
        joining = _Joining(options.json_schema, options.conflicts)
        data = joining.join(values, options.json_schema, "")
        try:
            typed(data if not isinstance(data, str) else json.dumps(data), options.json_schema)
        except WrongAnswer as error:
            raise MergeFailed(f"what the answers make together is {error}") from None
        merged = Structured(data=data, conflicts=tuple(joining.conflicts))
        problem = None
        if options.conflicts == "fail" and joining.conflicts:
            places = ", ".join(one.at or "the whole" for one in joining.conflicts[:5])
            problem = f"the answers do not agree at {places}"
        return Merge(merged=plain(merged), left_out=tuple(left_out), problem=problem)


class _Joining:
    """One merge: the schema's top, for references, and the conflicts met."""

    def __init__(self, top: Mapping[str, Any], policy: str) -> None:
        self._top = top
        self._policy = policy
        self.conflicts: list[Disagreement] = []

    def join(self, values: Sequence[Any], schema: Any, at: str, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise MergeFailed(f"the data is nested too deeply at {at[:200]}")
        schema = self._followed(schema)
        rule = schema.get(KEYWORD)
        if isinstance(rule, dict):
            return self._by(values, schema, rule["by"], at, depth)
        if rule is None and all(isinstance(one, dict) for one in values):
            return self._objects(values, schema, at, depth)
        if rule is None and all(isinstance(one, list) for one in values):
            rule = "union" if schema.get("uniqueItems") is True else "concat"
        if rule in ("concat", "union"):
            return self._lists(values, rule, at)
        if rule in ("min", "max", "sum", "mean"):
            return _number(values, rule, at)
        if rule == "join":
            return "\n".join(dict.fromkeys(_text(one, at) for one in values))
        return self._chosen(values, rule, at)

    def _followed(self, schema: Any) -> Mapping[str, Any]:
        """The schema that a reference in the same document leads to; its own words go before."""
        found: Mapping[str, Any] = schema if isinstance(schema, dict) else {}
        for _ in range(_DEEPEST):
            if "$ref" not in found:
                return found
            own = {name: value for name, value in found.items() if name != "$ref"}
            found = {**_at(self._top, str(found["$ref"])), **own}
        raise MergeFailed("the schema's references lead round in a circle")

    def _objects(
        self, values: Sequence[dict[str, Any]], schema: Mapping[str, Any], at: str, depth: int
    ) -> dict[str, Any]:
        inner = schema.get("properties")
        properties: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
        others = schema.get("additionalProperties")
        return {
            name: self.join(
                [one[name] for one in values if name in one],
                properties.get(name, others),
                _below(at, name),
                depth + 1,
            )
            for name in dict.fromkeys(name for one in values for name in one)
        }

    def _lists(self, values: Sequence[Any], rule: str, at: str) -> list[Any]:
        items = [item for one in values for item in _list(one, at)]
        if rule == "concat":
            return items
        return list({_key(item): item for item in reversed(items)}.values())[::-1]

    def _by(
        self, values: Sequence[Any], schema: Mapping[str, Any], name: str, at: str, depth: int
    ) -> list[Any]:
        """Lists of objects, those with the same value of a property merged."""
        alike: dict[str, list[Any]] = {}
        for number, item in enumerate(item for one in values for item in _list(one, at)):
            known = isinstance(item, dict) and name in item
            key = _key(item[name]) if known else f"alone {number}"
            alike.setdefault(key, []).append(item)
        return [
            self.join(group, schema.get("items"), _below(at, str(number)), depth + 1)
            for number, group in enumerate(alike.values())
        ]

    def _chosen(self, values: Sequence[Any], rule: str | None, at: str) -> Any:
        if len({_key(one) for one in values}) > 1 and rule in (None, "same"):
            self.conflicts.append(Disagreement(at=at, values=tuple(values)))
            rule = self._policy
        if rule == "last":
            return values[-1]
        if rule == "vote":
            keys = [_key(one) for one in values]
            return values[keys.index(max(keys, key=keys.count))]
        return values[0]


def _rules(schema: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Every place of the schema that has the keyword, and what it says."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    elif isinstance(schema, dict) and KEYWORD in schema:
        yield at, schema[KEYWORD]
    if isinstance(schema, dict):
        for name, inner in schema.items():
            # what these hold is data, whatever it looks like
            if name not in (KEYWORD, "const", "enum", "default", "examples"):
                yield from _rules(inner, _below(at, str(name)))


def _at(top: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """What a reference into the same document leads to; nothing for any other."""
    here: Any = top
    if not reference.startswith("#"):
        return {}
    for word in reference.removeprefix("#").split("/")[1:]:
        name = word.replace("~1", "/").replace("~0", "~")
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def _number(values: Sequence[Any], rule: str, at: str) -> float | int:
    for one in values:
        if isinstance(one, bool) or not isinstance(one, int | float):
            raise MergeFailed(
                f"{KEYWORD} is {rule} at {at or 'the top'}, where not all are numbers"
            )
    try:
        if rule in ("min", "max"):
            chosen: float | int = min(values) if rule == "min" else max(values)
            return chosen
        total: float | int = sum(values)
        found = total if rule == "sum" else total / len(values)
        if math.isfinite(found):
            return found
    except OverflowError:
        pass
    raise MergeFailed(f"the {rule} at {at or 'the top'} is no finite number")


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise MergeFailed(f"{KEYWORD} is join at {at or 'the top'}, where not all are texts")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise MergeFailed(f"lists are to be merged at {at or 'the top'}, where not all are lists")
    return value


def _key(value: Any) -> str:
    """Equal for what is the same in JSON, where 1 is not true."""
    return json.dumps(value, sort_keys=True)


def _below(at: str, name: str) -> str:
    return f"{at}/{name}" if at else name
