"""TOML, with line numbers.

The standard library's parser gives the values and refuses duplicates; the lines of keys are found
by a scan of headers and assignments, which is near enough to point a person at the right place.
"""

from __future__ import annotations

import re
import tomllib

from coders_queue.documents.parsed import KeyPath, Malformed, Parsed

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_NAME = rf"({_PART}(?:[ \t]*\.[ \t]*{_PART})*)"
_HEADER = re.compile(rf"\s*\[(\[?)\s*{_NAME}\s*\]")
_ASSIGNMENT = re.compile(rf"\s*{_NAME}[ \t]*=")
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def parse_toml(text: str) -> Parsed:
    """The values of a TOML text. Raises Malformed."""
    try:
        return Parsed(tomllib.loads(text), *_lines(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        if found := _LINE.search(message):
            line = int(found[1])
        else:
            line = text.rstrip("\n").count("\n") + 1
        reason = re.sub(r"\s*\(at [^)]*\)", "", message)
        raise Malformed(f"not TOML: {reason[:1].lower()}{reason[1:]}", line) from None
    except ValueError as error:  # a number of thousands of digits
        raise Malformed(f"not TOML: {error}") from None


def _lines(text: str) -> tuple[dict[KeyPath, int], dict[KeyPath, int]]:
    """The line of each key, and the first of each text that is written below its key."""
    lines: dict[KeyPath, int] = {}
    blocks: dict[KeyPath, int] = {}
    table: KeyPath = ()
    #: Of each array of tables the number of the last one.
    lasts: dict[KeyPath, int] = {}
    quote = ""
    for number, line in enumerate(text.split("\n"), 1):
        if not quote:
            if header := _HEADER.match(line):
                table = _element(_parts(header[2]), lasts, bool(header[1]))
                _note(lines, table, number)
            elif assignment := _ASSIGNMENT.match(line):
                here = (*table, *_parts(assignment[1]))
                _note(lines, here, number)
                if line.rstrip().endswith(('"""', "'''")):
                    blocks[here] = number + 1
        # inside a text of several lines nothing is a key
        for mark in ('"""', "'''"):
            if quote in ("", mark) and line.count(mark) % 2:
                quote = "" if quote else mark
    return lines, blocks


def _element(name: KeyPath, lasts: dict[KeyPath, int], begins: bool) -> KeyPath:
    """A table's path with the numbers of the elements that it lies in: ``[[lines]]``."""
    path: KeyPath = ()
    for depth, part in enumerate(name, 1):
        path = (*path, part)
        if begins and depth == len(name):
            lasts[path] = lasts.get(path, -1) + 1
        if path in lasts:
            path = (*path, str(lasts[path]))
    return path


def _note(lines: dict[KeyPath, int], path: KeyPath, number: int) -> None:
    for end in range(1, len(path) + 1):
        lines.setdefault(path[:end], number)


def _parts(name: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in re.findall(_PART, name))
