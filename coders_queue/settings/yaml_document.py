"""YAML, read safely and with line numbers.

Only plain data: a tag that names anything else is refused, and so are anchors and aliases, with
which a few lines can mean gigabytes.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from coders_queue.settings.keys import KeyPath
from coders_queue.settings.parsed import Malformed, Parsed, duplicate


def parse_yaml(text: str) -> Parsed:
    """The values of a YAML text. Raises Malformed."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            return Parsed({})
        reader = _Reader()
        return Parsed(reader.value(root, ()), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise Malformed(f"not YAML: {problem}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        line = None if position is None else text.count("\n", 0, position) + 1
        raise Malformed("holds a character that YAML does not allow", line) from None


class _Reader:
    """Turns nodes into values and notes their lines."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._seen: set[int] = set()
        self._scalars = SafeConstructor()

    def value(self, node: Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self._seen:
            raise Malformed("anchors and aliases are not allowed here; write it out", line)
        self._seen.add(id(node))
        self.lines.setdefault(path, line)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, str(n))) for n, item in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except ValueError as error:
            raise Malformed(str(error), line) from None

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise Malformed("a key should be a plain word", line)
            # the text as written: a key like `on` is a word here, not a truth value
            name = str(key.value)
            here = (*path, name)
            if name in found:
                raise duplicate(name, self.lines.get(here), line)
            self.lines[here] = line
            found[name] = self.value(value, here)
        return found
