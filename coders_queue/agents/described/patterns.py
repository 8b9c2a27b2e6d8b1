"""Regular expressions of a described tool, bounded in time whatever text they meet.

Python's matcher tries alternatives one after the other, and what it reads was written by a model.
So each pattern is measured when its file is loaded: how many ways through it there can be for a
text of n characters. One that has too many even for a short line is refused, with what to do about
it; any other is matched against lines, of which it sees as many characters as its cost allows.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

#: How many steps a search of a line may take, at most: a fraction of a second.
BUDGET = 50_000_000
#: Seconds that a search of many lines may take; what is not found by then is not there.
PATIENCE = 5.0
#: The longest piece of a line that any pattern sees, characters.
LONGEST = 4096
#: A pattern that is too costly for a line of this many characters is refused.
SHORTEST = 200

_LONGEST_PATTERN = 1000
_SAMPLE = [*map(chr, range(256)), *"ŐéЖ漢🎉❯●✻│─╭…\u2028\u3000٣"]
#: Python's own parser: the tree it makes is what the matcher runs.
_PARSER: Any = importlib.import_module("re._parser")
_ENDS = ("AT_END", "AT_END_STRING")
_STARTS = ("AT_BEGINNING", "AT_BEGINNING_STRING")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
_CLASSES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


class Refused(ValueError):
    """Why a pattern cannot be used."""


class Pattern:
    """One that may be used."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST_PATTERN:
            raise Refused(f"a pattern has at most {_LONGEST_PATTERN} characters")
        try:
            self._compiled = re.compile(text)
            self.limit = _limit(_PARSER.parse(text), self._compiled.flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise Refused(f"is no regular expression: {error}") from None
        self.groups = frozenset(self._compiled.groupindex)

    def search(self, line: str) -> re.Match[str] | None:
        """The first match in a line."""
        return self._compiled.search(line[: self.limit])

    def last(self, lines: Sequence[str]) -> tuple[int, re.Match[str]] | None:
        """The last of the lines that it matches, and the match."""
        end = time.monotonic() + PATIENCE
        for number in range(len(lines) - 1, -1, -1):
            if found := self.search(lines[number]):
                return number, found
            if time.monotonic() > end:
                break
        return None


@cache
def pattern(text: str) -> Pattern:
    """The pattern of that text. Raises Refused."""
    return Pattern(text)


def _limit(tree: Any, flags: int) -> int:
    """How many characters of a line it may see."""
    items = list(tree)
    anchored = bool(items) and _name(items[0]) == "AT" and str(items[0][1]) in _STARTS
    powers, factor = _ways(items, flags, False)
    # a search begins at every character, and each way through is as long as the text at most
    powers += 1 if anchored else 2
    for size in (LONGEST, 2048, 1024, 512, 256, SHORTEST):
        if factor * size**powers <= BUDGET:
            return size
    raise Refused(
        "can be matched in too many ways, and a long line would take for ever: begin it with ^, "
        "or use fewer of .* and +"
    )


def _ways(items: list[Any], flags: int, repeated: bool) -> tuple[int, int]:
    """The ways through a sequence: how often it is a power of the text's length, and a factor."""
    powers, factor = 0, 1
    for place, item in enumerate(items):
        name, value = _name(item), item[1]
        more = (0, 1)
        if name in _REPEATS:
            more = _repeat(value, items[place + 1 :], flags, repeated)
        elif name == "BRANCH":
            if repeated:
                raise Refused("repeats a choice (a|b): write [ab], or repeat nothing but one part")
            parts = [_ways(list(part), flags, repeated) for part in value[1]]
            more = max(part[0] for part in parts), sum(part[1] for part in parts)
        elif name == "SUBPATTERN":
            rest = items[place + 1 :]
            more = _ways([*value[3], *rest], flags, repeated)
            if rest:
                # what follows the group is counted with it: a repeat at its end meets that
                return powers + more[0], factor * more[1]
        elif name == "ATOMIC_GROUP":
            more = _ways(list(value), flags, repeated)
        elif name not in (*_SINGLE, "AT"):
            raise Refused("has a part that cannot be bounded: no look-around, no back reference")
        powers, factor = powers + more[0], factor * more[1]
    return powers, factor


def _repeat(value: Any, rest: list[Any], flags: int, repeated: bool) -> tuple[int, int]:
    least, most, inner = value
    body = list(inner)
    many = int(most) > 1
    if repeated and int(most) != int(least):
        raise Refused("repeats what is itself repeated, such as (a+)+: repeat it once")
    powers, factor = _ways(body, flags, repeated or many)
    if int(most) == int(least):
        return powers, factor
    single = len(body) == 1 and _name(body[0]) in _SINGLE
    if single and _parted(body[0], rest, flags):
        return powers, factor
    choices = int(most) - int(least) + 1
    return (powers, factor * choices) if choices <= 20 else (powers + 1, factor)


def _parted(item: Any, rest: list[Any], flags: int) -> bool:
    """Whether giving up a character of the repeat never helps: there is one way through it."""
    rest = _flat(rest)
    if not rest:
        return True
    name, value = _name(rest[0]), rest[0][1]
    if name == "AT":
        return str(value) in _ENDS and len(rest) == 1
    if name in _REPEATS and int(value[0]) > 0 and len(value[2]) == 1:
        name, rest = _name(value[2][0]), [value[2][0]]
    if name not in _SINGLE:
        return False
    mine, its = _member(item, flags), _member(rest[0], flags)
    return not any(mine(character) and its(character) for character in _SAMPLE)


def _flat(items: list[Any]) -> list[Any]:
    while items and _name(items[0]) == "SUBPATTERN":
        items = [*items[0][1][3], *items[1:]]
    return items


def _member(item: Any, flags: int) -> Callable[[str], bool]:
    """Whether a character is matched by an element of one character."""
    name, value = _name(item), item[1]
    if name == "ANY":
        return lambda character: character != "\n" or bool(flags & re.DOTALL)
    parts = [item] if name != "IN" else list(value)

    def one(character: str) -> bool:
        found = any(_holds(part, character) for part in parts)
        return found != any(_name(part) == "NEGATE" for part in parts)

    if flags & re.IGNORECASE:
        return lambda character: any(one(c) for c in {character.lower(), character.upper()})
    return one


def _holds(part: Any, character: str) -> bool:
    name, value = _name(part), part[1]
    if name in ("LITERAL", "NOT_LITERAL"):
        return bool((ord(character[0]) == value) == (name == "LITERAL"))
    if name == "RANGE":
        return bool(value[0] <= ord(character[0]) <= value[1])
    if name == "CATEGORY":
        kind = str(value).removeprefix("CATEGORY_")
        wanted = re.match(_CLASSES[kind.removeprefix("NOT_")], character) is not None
        return wanted != kind.startswith("NOT_")
    return False


def _name(item: Any) -> str:
    return str(item[0])
