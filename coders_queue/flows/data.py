"""Values in templates: plain data, things with named fields, and what a value is within a text."""

from __future__ import annotations

import json
from typing import Any

from jinja2.runtime import Undefined

from coders_queue.models.spec import MAX_TASK_BYTES

#: The longest text that comes of a template, characters.
MAX_TEXT = MAX_TASK_BYTES


class Fault(Exception):
    """A template or condition that gives no value; the text says why, in one line."""


class Fields:
    """A value that is no plain data: templates see its named fields and nothing else of it."""

    __slots__ = ()

    def field(self, name: str) -> Any:
        """A field. Raises KeyError for one that there is not."""
        raise NotImplementedError

    def names(self) -> tuple[str, ...]:
        """The fields."""
        raise NotImplementedError


def text_of(value: Any) -> str:
    """A value within a text: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Undefined):
        return str(value)  # raises: it is strict
    if isinstance(value, Fields):
        raise Fault(f"name one of its fields: {', '.join(value.names())}")
    try:
        return json.dumps(value, ensure_ascii=False, indent=2 if _nested(value) else None)
    except (TypeError, ValueError, RecursionError):
        raise Fault("it is no plain data") from None


def _nested(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list | tuple) and any(
        isinstance(one, dict | list | tuple) for one in inner
    )
