"""From the values of a file to a description: a mistake has its line, and the nearest right key.

Reading the file is its caller's.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coders_queue import errors
from coders_queue.agents.described.model import Description

#: ``file:line`` of a key.
Where = Callable[[tuple[str, ...]], str]

_SHOWN = 60


def description(data: Mapping[str, Any], where: Where) -> Description:
    """What the file says. Raises ConfigError."""
    try:
        return Description.model_validate(data)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        # an unknown key is most likely the cause of what else is missing
        wrong.sort(key=lambda one: one["type"] != "extra_forbidden")
        raise _wrong(wrong, where) from None
    except RecursionError:
        raise errors.ConfigError(f"{where(())}: nested too deeply") from None


def _wrong(wrong: list[ErrorDetails], where: Where) -> errors.ConfigError:
    first = wrong[0]
    loc = tuple(part for part in first["loc"] if part not in ("jsonl", "text", "[key]"))
    path = tuple(str(part) for part in loc)
    dotted = ".".join(path) if all(map(str.isprintable, path)) else ascii(".".join(path))
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = sorted(_siblings(loc[:-1]))
        near = difflib.get_close_matches(path[-1].lower().replace("-", "_"), known, 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        return errors.ConfigError(f"{where(path)}: there is no key {dotted!r}{more}", hint)
    message = first["msg"]
    for empty in ("Value error, ", "Input ", "String "):
        message = message.removeprefix(empty)
    if first["type"] == "missing":
        message = "is missing"
    elif first["type"].startswith("union_tag"):
        message = 'needs format = "jsonl" or "text"'
    value = first["input"]
    if message != "is missing" and not isinstance(value, dict | list | tuple):
        message += _shown(value)
    subject = f"{dotted} " if dotted else ""
    return errors.ConfigError(f"{where(path)}: {subject}{message}{more}")


def _shown(value: Any) -> str:
    text = repr(value)
    return f", not {text}" if len(text) <= _SHOWN else f", not {text[: _SHOWN - 3]}..."


def _siblings(loc: tuple[int | str, ...]) -> set[str]:
    """The keys that there are at a place."""
    models: set[type[BaseModel]] = {Description}
    for part in loc:
        fields = [model.model_fields[str(part)] for model in models if part in model.model_fields]
        if fields:
            models = {inner for field in fields for inner in _models(field.annotation)}
    return {name for model in models for name in model.model_fields}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
