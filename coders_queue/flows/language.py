"""The language of templates and conditions: Jinja2, cut down to what data needs.

Owns what an expression may do: look things up, compare, filter. There are no calls, no methods, no
imports and no assignments, so nothing in a template reaches beyond the values it is given, and none
makes much of little: products of texts, powers and padding are refused. Values are data only; what
an agent said is never read as a template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError
from jinja2.parser import Parser
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from coders_queue.flows import filters
from coders_queue.flows.data import MAX_TEXT, Fault, Fields, text_of

_TESTS = (
    *("boolean", "defined", "divisibleby", "even", "false", "float", "in", "integer", "lower"),
    *("mapping", "none", "number", "odd", "sequence", "string", "true", "undefined", "upper"),
    *("eq", "equalto", "==", "ne", "!=", "gt", "greaterthan", ">", "ge", ">="),
    *("lt", "lessthan", "<", "le", "<="),
)
_LOOP = frozenset(
    ("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem")
)


class _Language(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**", "%"))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of data, a field, or what a loop tells of itself; never a Python attribute."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A key of a mapping, a position in a list or text."""
        if isinstance(obj, Undefined):
            return self.undefined(obj=obj, name=argument)
        if isinstance(argument, str):
            try:
                if isinstance(obj, Mapping):
                    return obj[argument]
                if isinstance(obj, Fields):
                    return obj.field(argument)
            except KeyError:
                pass
        elif (
            isinstance(argument, int)
            and isinstance(obj, Sequence)
            and -len(obj) <= argument < len(obj)
        ):
            return obj[argument]
        return self.undefined(hint=_missing(obj, argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic, of numbers that stay small."""
        for side in (left, right):
            if isinstance(side, bool) or not isinstance(side, int | float):
                raise Fault(f"{operator} is for numbers")
        if operator == "**" and (abs(left) > 10_000 or abs(right) > 16):
            raise Fault("the power is too large")
        if operator == "*" and max(abs(left), abs(right)) > 10**30:
            raise Fault("the product is too large")
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing is called from a template."""
        return False


def _missing(obj: Any, argument: Any) -> str:
    if isinstance(obj, Fields | Mapping):
        names = obj.names() if isinstance(obj, Fields) else tuple(map(str, obj))
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        return f"it has no {argument!r}; " + (f"there are: {shown}" if shown else "it is empty")
    if isinstance(obj, Sequence) and isinstance(argument, int):
        return f"it has no item {argument}: it has {len(obj)}"
    what = {"NoneType": "nothing", "str": "a text", "list": "a list", "tuple": "a list"}
    kind = type(obj).__name__
    return f"it has no {argument!r}: it is {what.get(kind, kind)}"


def _environment() -> _Language:
    env = _Language(
        undefined=StrictUndefined,
        finalize=text_of,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # a shell's ${#name} is no comment
        comment_start_string="\0{#",
        comment_end_string="#}\0",
        cache_size=0,
    )
    env.globals.clear()
    env.filters.clear()
    env.filters.update({**filters.FILTERS, filters.COUNTED: filters.counted})
    env.tests.clear()
    env.tests.update({name: TESTS[name] for name in _TESTS})
    return env


ENV = _environment()

#: The filters and tests that there are.
FILTER_NAMES = tuple(sorted(filters.FILTERS))
TEST_NAMES = tuple(sorted(ENV.tests))


def is_template(text: str) -> bool:
    """Whether a text is more than the text."""
    return "{{" in text or "{%" in text


def lone_expression(text: str) -> str | None:
    """The expression of a text that is one ``{{ ... }}`` and nothing else."""
    bare = text.strip()
    if not (bare.startswith("{{") and bare.endswith("}}")) or "{{" in bare[2:]:
        return None
    inner = bare[2:-2]
    inner = inner[1:] if inner[:1] in ("-", "+") else inner
    inner = inner[:-1] if inner[-1:] in ("-", "+") else inner
    return None if "}}" in inner else inner


def parse(text: str) -> nodes.Template:
    """The tree of a template. Raises TemplateSyntaxError."""
    return ENV.parse(text)


def parse_expression(text: str) -> nodes.Expr:
    """The tree of an expression. Raises TemplateSyntaxError."""
    parser = Parser(ENV, text, state="variable")
    found = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError(
            f"unexpected {parser.stream.current.value!r}", parser.stream.current.lineno
        )
    return found


def condition(text: str) -> str:
    """A condition without the braces that somebody may have put around it."""
    return lone_expression(text) or text


@lru_cache(maxsize=8192)
def _expression(text: str) -> Any:
    return ENV.compile_expression(text, undefined_to_none=False)


@lru_cache(maxsize=8192)
def _template(text: str) -> Any:
    tree = ENV.parse(text)
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, filters.COUNTED, [], [], None, None, lineno=loop.lineno)
    tree.set_environment(ENV)
    return ENV.template_class.from_code(ENV, ENV.compile(tree), {})


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """What an expression is. Raises Fault."""
    return _tried(lambda: _plain(_expression(text)(dict(values))))


def render(text: str, values: Mapping[str, Any]) -> Any:
    """What a template is: the value itself where it is one ``{{ ... }}`` and nothing else, so that
    a list stays a list; else a text. Raises Fault."""
    if not is_template(text):
        return text
    lone = lone_expression(text)
    if lone is not None:
        return evaluate(lone, values)

    def whole() -> str:
        template = _template(text)
        parts, length = [], 0
        budget = {filters.COUNTED: [filters.MAX_LOOPS]}
        for part in template.root_render_func(template.new_context({**values, **budget})):
            length += len(part)
            if length > MAX_TEXT:
                raise Fault(f"the text is longer than {MAX_TEXT} characters")
            parts.append(part)
        return "".join(parts)

    return _tried(whole)


def _tried(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except Fault:
        raise
    except TemplateError as error:
        raise Fault(" ".join(str(error.message or error).split())[:300]) from None
    except RecursionError:
        raise Fault("it is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - an expression may fail in any way that Python has
        raise Fault(f"{' '.join(str(error).split())[:300] or type(error).__name__}") from None


def _plain(value: Any) -> Any:
    """The value as data: what filters give may be lazy, and hold what is none."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, Undefined):
        return str(value)  # raises: it is strict
    if isinstance(value, Fields):
        raise Fault(f"name one of its fields: {', '.join(value.names())}")
    try:
        found = list(value)
    except TypeError:
        raise Fault("it is no plain data") from None
    return [_plain(one) for one in found]
