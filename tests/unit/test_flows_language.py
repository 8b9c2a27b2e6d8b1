"""The language of templates: what it gives, and that nothing gets out of it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue.flows import language, references
from coders_queue.flows.data import Fault
from coders_queue.flows.language import evaluate, render

DATA: dict[str, Any] = {
    "result": {"items": [1, 2], "verdict": "pass", "deep": {"x": None}},
    "text": "a <b> 'c'\n",
    "list": ["x", "y"],
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain ${#name} {x}\n", "plain ${#name} {x}\n"),
        ("{{ list }}", ["x", "y"]),
        (" {{ result.items }}\n", [1, 2]),
        ("{{ result.deep.x }}", None),
        ("it: {{ list }}", 'it: ["x", "y"]'),
        ("it: {{ result.deep.x }}, {{ true }}, {{ 1.5 }}", "it: null, true, 1.5"),
        ("{{ text }}!", "a <b> 'c'\n!"),
        ("{% for one in list %}\n- {{ one }} {{ loop.index }}\n{% endfor %}\n", "- x 1\n- y 2\n"),
        ("{% if nothing is defined %}1{% else %}2{% endif %}", "2"),
        ("{% raw %}{{ list }}{% endraw %}", "{{ list }}"),
        ("{{ result | items | list }}", [["items", [1, 2]], ["verdict", "pass"], ["deep", None]]),
        ("{{ '{\"a\": [1]}' | fromjson }}", {"a": [1]}),
        ("{{ list | join(', ') }}.", "x, y."),
        ("{{ text | tojson }}", "\"a <b> 'c'\\n\""),
        ("{{ list | map('upper') }}", ["X", "Y"]),
    ],
)
def test_a_template_gives_a_value_or_a_text(template: str, value: Any) -> None:
    """Alone, an expression keeps its type; within text it is text, or JSON."""
    found = render(template, DATA)
    if isinstance(value, list) and value and value[-1] == ["deep", None]:
        value[-1] = ["deep", {"x": None}]
    assert found == value


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ result.verdct }}", "it has no 'verdct'; there are: items, verdict, deep"),
        ("{{ result.deep.x.y }}", "it has no 'y': it is nothing"),
        ("{{ list[7] }}", "it has no item 7: it has 2"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ text.upper }}", "it has no 'upper': it is a text"),
        ("{{ text.format }}", "it has no 'format'"),
        ("{{ result.__class__ }}", "it has no '__class__'"),
        ("{{ result['__class__'] }}", "it has no '__class__'"),
        ("{{ list | map(attribute='__class__') | list }}", "no '__class__'"),
        ("{{ list | map('attr', '__class__') | list }}", "No filter named 'attr'"),
        ("{{ text | replace('', text) | replace('', text) | length }}", ""),
        ("{{ 'x' * 9999999999 }}", "* is for numbers"),
        ("{{ [1] * 9999999999 }}", "* is for numbers"),
        ("{{ 9 ** 9 ** 9 }}", "the power is too large"),
        ("{{ '%999999999d' % 1 }}", "% is for numbers"),
        ("{{ text | indent(999999999) }}", "at most 100"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 1 + text }}", "unsupported operand"),
        ("{{ 'no' | fromjson }}", "fromjson: not JSON"),
        ("{% for a in list %}{{ loop.__init__ }}{% endfor %}", "no '__init__'"),
    ],
)
def test_what_gives_no_value_is_a_fault(template: str, said: str) -> None:
    """With its reason in a line; soon, and without taking the memory."""
    begun = time.monotonic()
    if said:
        with pytest.raises(Fault) as caught:
            render(template, DATA)
        assert said in str(caught.value)
    else:
        assert render(template, DATA) is not None
    assert time.monotonic() - begun < 5


def test_a_text_that_grows_without_end_is_stopped() -> None:
    """A loop in a loop makes no more than the longest text there may be."""
    many = {"list": ["x" * 1000] * 1000}
    template = "{% for a in list %}{% for b in list %}{{ b }}{% endfor %}{% endfor %}"
    with pytest.raises(Fault, match="longer than"):
        render(template, many)
    with pytest.raises(Fault, match="too long"):
        render("{{ list | join(list | join('x')) }}", many)


def test_values_are_not_templates() -> None:
    """Braces in an answer are an answer's braces."""
    assert render("{{ x }}, {{ x | upper }}", {"x": "{{ 7 * 7 }}"}) == "{{ 7 * 7 }}, {{ 7 * 7 }}"
    assert evaluate("x == '{{ y }}'", {"x": "{{ y }}"}) is True


@given(st.text(alphabet="{}%#'\"|.[]() ab1_*+-=\n", max_size=40))
def test_whatever_is_written_gives_a_value_or_a_fault(text: str) -> None:
    """What the check lets pass renders or faults; nothing else comes out."""
    read = references.of_template(text)
    values = {"a": {"b": [1]}, "b": "x"}
    if not read.wrong:
        with contextlib.suppress(Fault):
            render(text, values)
    if not references.of_expression(text).wrong:
        with contextlib.suppress(Fault):
            evaluate(language.condition(text), values)


def test_references_are_read_off_the_tree() -> None:
    """Names that a loop binds are none; what is computed ends what can be read off."""
    read = references.of_template(
        "{{ steps.a.result.x[0] }} {% for one in steps['b'].result %}{{ one.y }}{{ loop.index }}"
        "{% endfor %}\n{{ steps[item].state }}"
    )
    assert not read.wrong
    assert [str(one) for one in read.references] == [
        "steps.a.result.x[0]",
        "steps.b.result",
        "item",
        "steps",
    ]
    assert [one.line for one in read.references] == [1, 1, 2, 2]


def test_loops_that_would_run_for_hours_are_stopped() -> None:
    """Even where they make no text; a loop may still ask for its length."""
    many = {"list": list(range(2000))}
    loop = (
        "{% for a in list %}{% for b in list %}{% if b == -1 %}x{% endif %}{% endfor %}{% endfor %}"
    )
    begun = time.monotonic()
    with pytest.raises(Fault, match="more than 1000000 times"):
        render(loop, many)
    assert time.monotonic() - begun < 5
    assert render("{% for a in list %}{{ loop.length if loop.last }}{% endfor %}", many) == "2000"
