"""A strategy's options as words of a command line, and back.

A text is the word itself, anything else is JSON. Owns the spelling, and what is said of a wrong
one.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.merging.strategy import Options

_O = TypeVar("_O", bound=Options)


def option(field: str) -> str:
    """How a field is spelled: ``--at-least``."""
    return f"--{field.replace('_', '-')}"


def parse(name: str, model: type[_O], words: Sequence[str]) -> _O:
    """The options that follow the strategy's name. Raises UsageError."""
    given: dict[str, Any] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--" and model.rest is not None:
            given[model.rest] = tuple(left)
            break
        field = _field(name, model, word.partition("=")[0])
        equals, text = word.partition("=")[1:]
        if not equals and _kinds(model, field) == {"boolean"}:
            text = "true"
        elif not equals:
            if not left:
                raise errors.UsageError(f"merge {name}: {option(field)} needs a value")
            text = left.pop(0)
        if field in given:
            raise errors.UsageError(f"merge {name}: {option(field)} is given twice")
        given[field] = _value(name, model, field, text)
    return checked(name, model, given)


def checked(name: str, model: type[_O], given: dict[str, Any]) -> _O:
    """The options given by their names. Raises UsageError."""
    for field in given:
        _field(name, model, option(field))
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = first["msg"].removeprefix("Value error, ")
        where = ".".join(str(part) for part in first["loc"])
        said = f"{option(where)}: {what}" if where else what
        raise errors.UsageError(f"merge {name}: {said}", _known(model)) from None


def write(options: Options) -> tuple[str, ...]:
    """The words that :func:`parse` makes these options of."""
    told = options.model_dump(mode="json", include=options.model_fields_set)
    rest = told.pop(options.rest, None) if options.rest is not None else None
    words = [
        f"{option(field)}={value if _is_text(type(options), field, value) else json.dumps(value)}"
        for field, value in told.items()
        if value is not None
    ]
    return tuple(words) if rest is None else (*words, "--", *rest)


def _field(name: str, model: type[Options], word: str) -> str:
    fields = {option(field): field for field in model.model_fields}
    if word not in fields:
        near = difflib.get_close_matches(word, fields, n=1)
        hint = f"did you mean {near[0]}?" if near else _known(model)
        raise errors.UsageError(f"merge {name}: there is no option {word[:60]!r}", hint)
    return fields[word]


def _known(model: type[Options]) -> str:
    return f"its options are: {', '.join(map(option, model.model_fields))}"


def _value(name: str, model: type[Options], field: str, text: str) -> Any:
    kinds = _kinds(model, field)
    if "string" in kinds:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        wanted = " or ".join(sorted(kinds - {"null"}))
        raise errors.UsageError(
            f"merge {name}: {option(field)}: {text[:60]!r} is not JSON ({wanted})"
        ) from None


def _is_text(model: type[Options], field: str, value: Any) -> bool:
    return isinstance(value, str) and "string" in _kinds(model, field)


def _kinds(model: type[Options], field: str) -> set[str]:
    """The JSON types that the option may have."""
    schema = model.model_json_schema()["properties"][field]
    found = {one.get("type", "object") for one in schema.get("anyOf", [schema])}
    return {"string"} if "enum" in schema or "const" in schema else found
