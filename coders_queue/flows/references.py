"""What a template refers to, read from its tree; and what in it is not allowed.

Nothing is evaluated here. Whether a step or parameter of a name exists is for the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from coders_queue.documents.mistakes import meant
from coders_queue.flows import language

#: How deep loops may lie in each other.
_MAX_LOOPS = 3

#: What is allowed in a tree, by its kind: everything else has its name in the message.
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For),
    *(nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword),
    *(nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getitem, nodes.Getattr, nodes.Slice),
    *(nodes.Concat, nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr),
)


@dataclass(frozen=True)
class Reference:
    """A look-up that begins at a name: ``steps.review.result.verdict``."""

    path: tuple[str | int, ...]
    """As far as it can be read off: it ends before what is computed."""
    line: int
    """From 1, in the template."""
    whole: bool = True
    """Whether nothing computed follows."""

    @property
    def root(self) -> str:
        """The name it begins at."""
        return str(self.path[0])

    def __str__(self) -> str:
        parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path]
        return "".join(parts)[1:]


@dataclass(frozen=True)
class Wrong:
    """Something that is not allowed in a template."""

    line: int
    message: str
    hint: str | None = None


@dataclass(frozen=True)
class Read:
    """What was read off a template."""

    references: tuple[Reference, ...] = ()
    wrong: tuple[Wrong, ...] = ()


@lru_cache(maxsize=8192)
def of_template(text: str) -> Read:
    """Of a text that may be one."""
    if not language.is_template(text):
        return Read()
    return _read(lambda: language.parse(text))


@lru_cache(maxsize=8192)
def of_expression(text: str) -> Read:
    """Of a condition."""
    return _read(lambda: language.parse_expression(language.condition(text)))


def _read(parse: Callable[[], nodes.Node]) -> Read:
    try:
        tree = parse()
        found = list(_walk(tree, frozenset(), 0))
    except TemplateSyntaxError as error:
        hint = None
        if "tag" in (error.message or "") or "jump" in (error.message or ""):
            hint = "if, for and raw are all the tags there are"
        return Read((), (Wrong(error.lineno, f"not an expression: {error.message}", hint),))
    except RecursionError:
        return Read((), (Wrong(1, "nested too deeply"),))
    return Read(
        tuple(one for one in found if isinstance(one, Reference)),
        tuple(one for one in found if isinstance(one, Wrong)),
    )


def _walk(node: nodes.Node, bound: frozenset[str], loops: int) -> Iterator[Reference | Wrong]:
    if not isinstance(node, _ALLOWED) or (isinstance(node, nodes.For) and node.recursive):
        yield _forbidden(node)
        return
    if isinstance(node, nodes.For):
        yield from _loop(node, bound, loops)
        return
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        yield from _chain(node, bound, loops)
        return
    if isinstance(node, nodes.Filter) and node.name not in language.FILTER_NAMES:
        hint = meant(node.name, language.FILTER_NAMES)
        yield Wrong(node.lineno, f"there is no filter {node.name}", hint)
    if isinstance(node, nodes.Test) and node.name not in language.ENV.tests:
        hint = meant(node.name, language.TEST_NAMES)
        yield Wrong(node.lineno, f"there is no test {node.name}", hint)
    for child in node.iter_child_nodes():
        yield from _walk(child, bound, loops)


def _loop(node: nodes.For, bound: frozenset[str], loops: int) -> Iterator[Reference | Wrong]:
    if loops >= _MAX_LOOPS:
        yield Wrong(node.lineno, f"more than {_MAX_LOOPS} loops in each other")
        return
    yield from _walk(node.iter, bound, loops)
    names = {name.name for name in node.target.find_all(nodes.Name)}
    if isinstance(node.target, nodes.Name):
        names.add(node.target.name)
    inside = bound | names | {"loop"}
    if node.test is not None:
        yield from _walk(node.test, inside, loops)
    for child in (*node.body, *node.else_):
        yield from _walk(child, inside, loops + 1)


def _chain(node: Any, bound: frozenset[str], loops: int) -> Iterator[Reference | Wrong]:
    """A look-up: its root and the constant parts behind it."""
    parts: list[str | int] = []
    whole = True
    at: Any = node
    while isinstance(at, nodes.Getattr | nodes.Getitem):
        if isinstance(at, nodes.Getattr):
            parts.insert(0, at.attr)
        elif isinstance(at.arg, nodes.Const) and isinstance(at.arg.value, str | int):
            parts.insert(0, at.arg.value)
        else:
            yield from _walk(at.arg, bound, loops)
            # what stands behind it cannot be read off
            parts, whole = [], False
        at = at.node
    if not isinstance(at, nodes.Name):
        yield from _walk(at, bound, loops)
    elif at.name not in bound:
        yield Reference((at.name, *parts), at.lineno, whole)


def _forbidden(node: nodes.Node) -> Wrong:
    kind = type(node).__name__
    if isinstance(node, nodes.Call):
        return Wrong(
            node.lineno,
            "nothing can be called in an expression",
            "use a filter: x | length, x | default('y'), x | items",
        )
    words = {
        "Assign": "set",
        "AssignBlock": "set",
        "FromImport": "import",
        "CallBlock": "call",
        "FilterBlock": "filter",
        "For": "a recursive loop",
    }
    what = words.get(kind, kind.lower())
    return Wrong(
        node.lineno, f"{what} is not allowed", "if, for and raw are all the tags there are"
    )
