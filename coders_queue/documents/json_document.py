"""JSON, read strictly and with line numbers.

Python's own parser judges the text and gives the values; a second, simple pass over what it
accepted finds the line of each key and keys given twice.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from coders_queue.documents.parsed import KeyPath, Malformed, Parsed, duplicate

_SYMBOL = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|\n|[^\s{}\[\],:"]+')


def parse_json(text: str) -> Parsed:
    """The values of a JSON text. Raises Malformed."""
    if not text.strip():
        return Parsed({})
    try:
        data = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", error.lineno) from None
    except ValueError as error:  # a number of thousands of digits
        raise Malformed(f"not JSON: {error}") from None
    return Parsed(data, _lines(text))


def _refuse(constant: str) -> NoReturn:
    raise Malformed(f"{constant} is not a JSON value")


def _lines(text: str) -> dict[KeyPath, int]:
    """The line of each key and item of a text that is known to be JSON."""
    lines: dict[KeyPath, int] = {}
    # for each open bracket, what comes next in it: a key (a str once read, else None) or an index
    stack: list[str | int | None] = []
    line = 1
    for match in _SYMBOL.finditer(text):
        symbol = match.group()
        if symbol == "\n":
            line += 1
        elif symbol in "}]":
            stack.pop()
        elif symbol == ",":
            stack[-1] = stack[-1] + 1 if isinstance(stack[-1], int) else None
        elif symbol == ":":
            continue
        elif stack and stack[-1] is None:
            stack[-1] = name = str(json.loads(symbol))
            here = _path(stack)
            if here in lines:
                raise duplicate(name, lines[here], line)
            lines[here] = line
        else:
            lines.setdefault(_path(stack), line)
            if symbol in "{[":
                stack.append(None if symbol == "{" else 0)
    return lines


def _path(stack: list[str | int | None]) -> KeyPath:
    return tuple(str(part) for part in stack if part is not None)
