"""Data of the shape that a JSON schema describes: taken out of a text, and held against the schema.

Knows nothing of whose data it is. A reference of a schema is never fetched from anywhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema import exceptions, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

from coders_queue import errors

_FENCE = re.compile(r"[ \t]*```([A-Za-z]*)[ \t\r]*")
_SHOWN = 300


class WrongAnswer(Exception):
    """The data is not of the shape that was asked for; the text says where, in one line."""


def check_schema(schema: dict[str, Any], what: str = "the answer's schema") -> None:
    """Raises UsageError for what is no JSON schema."""
    try:
        validators.validator_for(schema, validators.Draft202012Validator).check_schema(schema)
    except exceptions.SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "its top"
        raise errors.UsageError(
            f"{what} is no JSON schema: at {where}: {error.message[:_SHOWN]}",
            "see https://json-schema.org",
        ) from None


def typed(answer: Any, schema: dict[str, Any]) -> Any:
    """The answer as data that is valid under the schema. Raises WrongAnswer.

    A text counts when it is JSON as a whole, or holds exactly one fenced block, which is.
    """
    value = parsed(answer) if isinstance(answer, str) else answer
    kind = validators.validator_for(schema, validators.Draft202012Validator)
    registry: Registry[Any] = Registry()
    try:
        worst = exceptions.best_match(kind(schema, registry=registry).iter_errors(value))
    except (Unresolvable, re.error, RecursionError, ValueError, TypeError) as error:
        # a reference that leads nowhere, a pattern that is none: told as what they are
        raise WrongAnswer(f"the schema cannot be applied: {error}") from None
    if worst is not None:
        where = "/".join(str(part) for part in worst.absolute_path) or "its top"
        raise WrongAnswer(f"not valid at {where}: {' '.join(worst.message.split())[:_SHOWN]}")
    return value


def parsed(text: str) -> Any:
    """The JSON value that a text is, or that its only fenced block holds. Raises WrongAnswer."""
    candidates = [text.strip()]
    blocks = _fenced(text)
    if len(blocks) == 1:
        candidates.append(blocks[0])
    for candidate in candidates:
        try:
            return json.loads(candidate, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            continue
    start = " ".join(text.split())[:80]
    raise WrongAnswer(f"not JSON: {start!r}" if start else "empty")


def _fenced(text: str) -> list[str]:
    """The fenced blocks. Line by line: one pattern over a long answer would take hours."""
    blocks: list[str] = []
    block: list[str] | None = None
    for line in text.split("\n"):
        fence = _FENCE.fullmatch(line)
        if block is None:
            block = None if fence is None else []
        elif fence is not None and not fence[1]:
            blocks.append("\n".join(block))
            block = None
        else:
            block.append(line)
    return blocks


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
