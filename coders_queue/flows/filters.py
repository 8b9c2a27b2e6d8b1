"""The filters of templates: those of Jinja that make no more of what they get, and our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jinja2.filters import FILTERS as OF_JINJA
from jinja2.utils import pass_context, pass_environment

from coders_queue.flows.data import MAX_TEXT, Fault, text_of

#: How often the loops of one template may run, in all.
MAX_LOOPS = 1_000_000

#: What counts them: no name that can be written in a template.
COUNTED = "counted by us"

_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int"),
    *("items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr"),
    *("reverse", "round", "select", "selectattr", "sort", "sum", "title", "trim", "truncate"),
    *("unique", "upper", "wordcount"),
)


@pass_environment
def _join(env: Any, value: Any, by: str = "", attribute: str | None = None) -> str:
    parts = [
        text_of(one if attribute is None else env.getitem(one, attribute)) for one in list(value)
    ]
    by = text_of(by)
    if sum(map(len, parts)) + len(by) * len(parts) > MAX_TEXT:
        raise Fault("the text is too long")
    return by.join(parts)


def _replace(value: Any, old: str, new: str) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    if len(text) + (text.count(old) if old else len(text) + 1) * len(new) > MAX_TEXT:
        raise Fault("the text is too long")
    return text.replace(old, new)


def _indent(value: Any, width: int = 4, first: bool = False) -> str:
    if not 0 <= int(width) <= 100:
        raise Fault("indent takes a width of at most 100")
    lines = text_of(value).split("\n")
    if sum(map(len, lines)) + int(width) * len(lines) > MAX_TEXT:
        raise Fault("the text is too long")
    pad = " " * int(width)
    told = [pad + line if line and (first or number) else line for number, line in enumerate(lines)]
    return "\n".join(told)


def _tojson(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(
            value, ensure_ascii=False, indent=None if indent is None else min(indent, 8)
        )
    except (TypeError, ValueError, RecursionError):
        raise Fault("tojson: it is no plain data") from None


def _fromjson(value: Any) -> Any:
    try:
        return json.loads(text_of(value))
    except (ValueError, RecursionError) as error:
        raise Fault(f"fromjson: not JSON: {error}") from None


@pass_context
def counted(context: Any, value: Any) -> list[Any]:
    """What a loop runs over, counted: loops within loops of long lists take hours."""
    found = list(value)
    left = context[COUNTED]
    left[0] -= len(found)
    if left[0] < 0:
        raise Fault(f"its loops run more than {MAX_LOOPS} times")
    return found


_OWN: dict[str, Callable[..., Any]] = {
    "fromjson": _fromjson,
    "indent": _indent,
    "join": _join,
    "lines": lambda value: text_of(value).splitlines(),
    "replace": _replace,
    "string": text_of,
    "tojson": _tojson,
}


#: All that can be written, by their names.
FILTERS: dict[str, Callable[..., Any]] = {name: OF_JINJA[name] for name in _FILTERS} | _OWN
