"""What a described tool's output says: answer, usage, conversation, failure, completeness.

Never believes more than it read: a line that is not whole or not JSON says nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from coders_queue.agents.described.output import JsonLines, LineRule, Text, UsagePaths
from coders_queue.agents.described.patterns import pattern
from coders_queue.agents.screen import plain
from coders_queue.models.outcome import Usage

#: How much is read, bytes: of a text the end, of lines of JSON all but longer ones.
TEXT_LIMIT = 256 * 1024
LINE_LIMIT = 16 * 1024 * 1024

_MESSAGE = 500
_NUMBER = re.compile(r"\d{1,3}(?:[,_]\d{3})+|\d{1,15}")
_TOKENS = ("input", "output", "cache_read", "cache_write")


@dataclass
class Said:
    """All that was read."""

    done: bool = False
    error: str | None = None
    """Why it failed; None when nothing says that it did."""
    message: str | None = None
    """What may explain a failure."""
    result: Any = None
    conversation: str | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    cost: float | None = None

    @property
    def usage(self) -> Usage | None:
        """None when nothing was told."""
        if not self.tokens:
            return None
        counts = {f"{name}_tokens": max(0, number) for name, number in self.tokens.items()}
        return Usage(**counts, cost_usd=self.cost)


def read(data: bytes, output: JsonLines | Text) -> Said:
    """What all of the output says."""
    if isinstance(output, Text):
        return _read_text(data, output)
    said = Said()
    for line in data.split(b"\n"):
        for rule, value in matching(line, output):
            _take(said, rule, value)
    return said


def matching(line: bytes, output: JsonLines) -> Iterator[tuple[LineRule, Any]]:
    """The rules that fit a line, with its value."""
    if not line.strip() or len(line) > LINE_LIMIT:
        return
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return
    for rule in output.lines:
        if all(_same(at(value, path), wanted) for path, wanted in rule.when.items()):
            yield rule, value


def at(value: Any, pointer: str) -> Any:
    """What a path leads to; None for nothing."""
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and len(name) < 10:
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value


def failure(rule: LineRule, value: Any) -> str | None:
    """What a line says went wrong; None when it says nothing of the kind."""
    told = None if rule.error is None else at(value, rule.error)
    if told in (None, False, "", 0, [], {}):
        return "it says that it failed" if rule.failed else None
    return one_line(told if isinstance(told, str) else json.dumps(told, ensure_ascii=False))


def one_line(text: str) -> str:
    """As a message for a person."""
    line = " ".join(plain(text).split())
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 3] + "..."


def _same(value: Any, wanted: object) -> bool:
    # True is 1 to Python, not to JSON
    return type(value) is type(wanted) and value == wanted


def _take(said: Said, rule: LineRule, value: Any) -> None:
    if rule.starts:
        said.done, said.error = False, None
    if (wrong := failure(rule, value)) is not None:
        said.error = wrong
    if rule.result is not None and (result := at(value, rule.result)) is not None:
        said.result = result
    if rule.conversation is not None and isinstance(found := at(value, rule.conversation), str):
        said.conversation = found or said.conversation
    if rule.usage is not None:
        _count(said, rule.usage, value)
    said.done = said.done or rule.done


def _count(said: Said, paths: UsagePaths, value: Any) -> None:
    counts = {}
    for name in _TOKENS:
        path = getattr(paths, name)
        number = None if path is None else at(value, path)
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 10**15:
            counts[name] = number
    if paths.cached_in_input and "input" in counts:
        counts["input"] -= counts.get("cache_read", 0)
    cost = None if paths.cost_usd is None else at(value, paths.cost_usd)
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < math.inf:
        said.cost = float(cost) + ((said.cost or 0.0) if paths.each else 0.0)
    for name, number in counts.items():
        said.tokens[name] = number + (said.tokens.get(name, 0) if paths.each else 0)


def _read_text(data: bytes, output: Text) -> Said:
    text = plain(data[-TEXT_LIMIT:].decode("utf-8", "replace"))
    # what stands behind the last line end was cut off
    *lines, rest = text.split("\n")
    said = Said()
    said.done = output.done is None or pattern(output.done).last(lines) is not None
    if output.result is not None:
        end = pattern(output.result.before).last(lines)
        if end is None:
            said.done = False
        else:
            begin = pattern(output.result.after).last(lines[: end[0]])
            found = lines[begin[0] + 1 if begin else 0 : end[0]]
            said.result = "\n".join(found).strip("\n")
    everything = [*lines, rest]
    said.error = _last(output.failed, everything)
    said.message = _last(output.message, everything)
    for one in output.usage:
        if match := pattern(one).last(lines):
            _numbers(said, match[1])
    if output.conversation is not None and (match := pattern(output.conversation).last(lines)):
        said.conversation = match[1]["id"] or None
    return said


def _last(texts: tuple[str, ...], lines: list[str]) -> str | None:
    found = [match[0] for text in texts if (match := pattern(text).last(lines))]
    return one_line(lines[max(found)]) if found else None


def _numbers(said: Said, match: re.Match[str]) -> None:
    for name, text in match.groupdict().items():
        if name in _TOKENS and text is not None and _NUMBER.fullmatch(text):
            said.tokens[name] = int(text.replace(",", "").replace("_", ""))
