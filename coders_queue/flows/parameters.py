"""The values of a flow's parameters: given as words of a command line or as Python values.

Owns their types. A wrong or missing one is refused with its name and, where there is one, the
nearest right name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from coders_queue import errors
from coders_queue.documents.mistakes import meant
from coders_queue.flows.model import Flow, Kind, Parameter

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_SHOWN = 60
_WANTED: Mapping[Kind, str] = {
    "text": "a text",
    "path": "a path, not empty, and written out where it would begin with ~",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list: a,b,c or a JSON array",
    "object": 'an object: JSON, such as {"a": 1}',
}


class WrongValue(ValueError):
    """A value that is not of its parameter's type; says what it should be."""


def of_words(flow: Flow, words: Sequence[str]) -> dict[str, Any]:
    """The values in words like ``areas=tests,api``. Raises UsageError."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise errors.UsageError(f"{word!r} is not NAME=VALUE", "write -p name=value")
        if name in found:
            raise errors.UsageError(f"the parameter {name} was given twice", "leave one out")
        try:
            found[name] = from_text(_known(flow, name), text)
        except WrongValue as error:
            raise errors.UsageError(f"parameter {name}: {error}") from None
    return found


def bind(flow: Flow, given: Mapping[str, Any], directory: str) -> dict[str, Any]:
    """A value for each parameter: those given, else the defaults; paths absolute, seen from that
    directory. Raises UsageError."""
    for name in given:
        _known(flow, name)
    found = {}
    for name, parameter in flow.parameters.items():
        value = given.get(name)
        if value is None:
            if parameter.required:
                about = f": {parameter.about}" if parameter.about else ""
                raise errors.UsageError(
                    f"the flow {flow.flow} needs the parameter {name}{about}",
                    f"give it as -p {name}=VALUE ({_WANTED[parameter.type]})",
                )
            value = parameter.default
        try:
            value = checked(parameter, value)
        except WrongValue as error:
            raise errors.UsageError(f"parameter {name}: {error}") from None
        found[name] = _absolute(value, directory) if parameter.type == "path" else value
    return found


def _known(flow: Flow, name: str) -> Parameter:
    if name not in flow.parameters:
        raise errors.UsageError(
            f"the flow {flow.flow} has no parameter {name!r}", meant(name, flow.parameters)
        )
    return flow.parameters[name]


def _absolute(path: str, directory: str) -> str:
    # no normalising: a/../b is not b when a is a symbolic link
    return path if path.startswith("/") else f"{directory.rstrip('/')}/{path}"


def from_text(parameter: Parameter, text: str) -> Any:
    """A value as it is typed. Raises WrongValue."""
    return checked(parameter, _typed(parameter.type, text))


def _typed(kind: Kind, text: str) -> Any:
    bare = text.strip()
    try:
        match kind:
            case "integer":
                return int(bare) if re.fullmatch(r"[+-]?\d{1,100}", bare, re.ASCII) else text
            case "number":
                number = float(bare)
                return number if "_" not in bare else text
            case "boolean":
                word = bare.lower()
                return True if word in _TRUE else False if word in _FALSE else text
            case "list":
                if bare.startswith("["):
                    return _json(bare)
                return [part.strip() for part in bare.split(",")] if bare else []
            case "object":
                return _json(bare)
    except WrongValue:
        raise
    except ValueError:
        return text
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: text)
    except (ValueError, RecursionError) as error:
        raise WrongValue(f"not JSON: {str(error)[:100]}") from None


def checked(parameter: Parameter, value: Any) -> Any:
    """The value, when it is of its type. Raises WrongValue."""
    if isinstance(value, tuple):
        value = list(value)
    kind = parameter.type
    if not _fits(kind, value):
        raise WrongValue(f"should be {_WANTED[kind]}, not {_short(value)}")
    if (wrong := not_data(value)) is not None:
        raise WrongValue(f"should be plain data, but holds {wrong}")
    if parameter.choices and value not in parameter.choices:
        known = ", ".join(_short(choice) for choice in parameter.choices)
        raise WrongValue(f"should be one of {known}, not {_short(value)}")
    return value


def _fits(kind: Kind, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    match kind:
        case "integer":
            return isinstance(value, int)
        case "number":
            return isinstance(value, int | float) and math.isfinite(value)
        case "list":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "text":
            return isinstance(value, str)
        case "path":
            return isinstance(value, str) and value[:1] not in ("", "~") and "\0" not in value
    return False


def not_data(value: Any, depth: int = 0) -> str | None:
    """What in a value is not JSON, in words; None when all is."""
    if depth > 100:
        return "lists in lists without end"
    if value is None or isinstance(value, bool | str | int):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return next((w for one in value if (w := not_data(one, depth + 1))), None)
    if isinstance(value, dict):
        if any(not isinstance(key, str) for key in value):
            return "a key that is no text"
        return next((w for one in value.values() if (w := not_data(one, depth + 1))), None)
    return f"a {type(value).__name__}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
