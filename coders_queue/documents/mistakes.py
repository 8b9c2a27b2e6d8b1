"""What a model finds wrong with a file's values, in words: the key, the mistake, the nearest key.

Says nothing of files and lines; a caller puts them before the words.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coders_queue.documents.parsed import KeyPath, dotted

Known = Mapping[str, Any] | Set[str] | Sequence[str]

_SHOWN = 60


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong."""

    path: KeyPath
    message: str
    """Names the key."""
    hint: str | None = None


def mistakes(error: ValidationError, data: Any, root: type[BaseModel]) -> list[Mistake]:
    """All of them; unknown keys first, since they are most likely the cause of what is missing."""
    found = error.errors(include_url=False)
    found.sort(key=lambda one: one["type"] != "extra_forbidden")
    return [_mistake(one, data, root) for one in found]


def near(word: str, known: Known) -> str | None:
    """The name that a wrong one most likely means."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {name.lower().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def meant(word: str, known: Known) -> str:
    """A hint: that name, or all there are."""
    if right := near(word, known):
        return f"did you mean {right}?"
    names = sorted(known)
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"there are: {shown}" if names else "there are none"


def _mistake(one: ErrorDetails, data: Any, root: type[BaseModel]) -> Mistake:
    path = _path(one["loc"], data)
    name = dotted(path)
    kind = one["type"]
    if kind == "extra_forbidden":
        return Mistake(path, f"there is no key {name!r}", meant(path[-1], _siblings(path, root)))
    if kind == "missing":
        return Mistake(path, f"{name} is missing")
    if kind.startswith("union_tag"):
        return Mistake(path, f"{name} {_tag(one.get('ctx', {}))}")
    message = one["msg"]
    for empty in ("Value error, ", "Input ", "String ", "Tuple ", "Dictionary "):
        message = message.removeprefix(empty)
    message = message.replace("a valid tuple", "a list").replace("a valid dictionary", "a mapping")
    message = message.replace(" after validation, not", ", not")
    if kind == "string_type":
        message = "should be a text; put it in quotes"
    value = one["input"]
    if not isinstance(value, dict | list | tuple | BaseModel):
        message += _shown(value)
    return Mistake(path, f"{name} {message}".strip())


def _tag(told: Mapping[str, Any]) -> str:
    """Which key a mapping needs to be known by, and its values."""
    key = str(told.get("discriminator", "")).strip("'")
    tags = [tag.strip(" '") for tag in str(told.get("expected_tags", "")).split(",")]
    wanted = " or ".join(f'"{tag}"' for tag in tags if tag)
    return f"needs {key} = {wanted}" if wanted else f"needs {key}"


def _path(loc: tuple[int | str, ...], data: Any) -> KeyPath:
    """The place in the data: a loc names the branches of unions, too."""
    path: list[str] = []
    for number, part in enumerate(loc):
        inside = part in data if isinstance(data, dict) else _in_list(part, data)
        if inside:
            data = data[part]
        elif number < len(loc) - 1 or part == "[key]" or not isinstance(data, dict):
            continue
        path.append(str(part))
    return tuple(path)


def _in_list(part: int | str, data: Any) -> bool:
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def _shown(value: Any) -> str:
    text = repr(value)
    return f", not {text}" if len(text) <= _SHOWN else f", not {text[: _SHOWN - 3]}..."


def _siblings(path: KeyPath, root: type[BaseModel]) -> set[str]:
    """The keys that there are at a place."""
    models: set[type[BaseModel]] = {root}
    for part in path[:-1]:
        fields = {
            name: field
            for model in models
            for name, field in model.model_fields.items()
            if part in (name, field.alias)
        }
        if fields:
            models = {inner for field in fields.values() for inner in _models(field.annotation)}
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
