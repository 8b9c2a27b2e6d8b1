"""YAML, read safely and with line numbers.

Only plain data: a tag that names anything else is refused, and so are anchors and aliases, with
which a few lines can mean gigabytes. The values are made from the parser's events, one after the
other: libyaml is much faster than the parser in Python, but its tree builder recurses on the C
stack, which a file of brackets brings down.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import yaml
from yaml import events
from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from coders_queue.documents.parsed import KeyPath, Malformed, Parsed, duplicate

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: How deep lists and mappings may lie in each other.
MAX_DEPTH = 100

_TEXT = "tag:yaml.org,2002:str"
_PLAIN = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def parse_yaml(text: str) -> Parsed:
    """The values of a YAML text. Raises Malformed."""
    reader = _Reader(yaml.parse(text, Loader=_LOADER))
    try:
        return Parsed(reader.document(), reader.lines, reader.blocks)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise Malformed(f"not YAML: {problem}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        line = None if position is None else text.count("\n", 0, position) + 1
        raise Malformed("holds a character that YAML does not allow", line) from None


class _Reader:
    """Turns events into values and notes their lines."""

    def __init__(self, stream: Iterator[Any]) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.blocks: dict[KeyPath, int] = {}
        self._stream = stream
        self._resolver: Any = Resolver()
        self._scalars = SafeConstructor()

    def document(self) -> Any:
        """The only document's value; nothing at all is an empty mapping."""
        next(self._stream)  # the stream begins
        if isinstance(next(self._stream), events.StreamEndEvent):
            return {}
        value = self._value(next(self._stream), (), 0)
        next(self._stream)  # the document ends
        after = next(self._stream)
        if not isinstance(after, events.StreamEndEvent):
            line = after.start_mark.line + 1
            raise Malformed("not YAML: expected a single document, but found another", line)
        return value

    def _value(self, event: Any, path: KeyPath, depth: int) -> Any:
        line = event.start_mark.line + 1
        if isinstance(event, events.AliasEvent):
            raise Malformed("anchors and aliases are not allowed here; write it out", line)
        self.lines.setdefault(path, line)
        if isinstance(event, events.ScalarEvent):
            return self._scalar(event, path, line)
        if depth >= MAX_DEPTH:
            raise Malformed("nested too deeply", line)
        if event.tag not in _PLAIN:
            raise Malformed(f"not YAML: a value of the kind {event.tag} is not allowed", line)
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(path, depth + 1)
        return self._sequence(path, depth + 1)

    def _scalar(self, event: Any, path: KeyPath, line: int) -> Any:
        if event.style == "|":
            self.blocks[path] = line + 1
        tag = event.tag
        if tag in (None, "!"):
            tag = self._resolver.resolve(ScalarNode, event.value, event.implicit)
        if tag == _TEXT:
            return event.value
        node = ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self._scalars.construct_object(node)
        except ValueError as error:
            raise Malformed(str(error), line) from None

    def _sequence(self, path: KeyPath, depth: int) -> list[Any]:
        found: list[Any] = []
        for number in itertools.count():
            event = next(self._stream)
            if isinstance(event, events.SequenceEndEvent):
                return found
            found.append(self._value(event, (*path, str(number)), depth))
        raise AssertionError

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self._stream), events.MappingEndEvent):
            line = key.start_mark.line + 1
            if isinstance(key, events.AliasEvent):
                raise Malformed("anchors and aliases are not allowed here; write it out", line)
            if not isinstance(key, events.ScalarEvent):
                raise Malformed("a key should be a plain word", line)
            # the text as written: a key like `on` is a word here, not a truth value
            name = str(key.value)
            here = (*path, name)
            if name in found:
                raise duplicate(name, self.lines.get(here), line)
            self.lines[here] = line
            found[name] = self._value(next(self._stream), here, depth)
        return found
