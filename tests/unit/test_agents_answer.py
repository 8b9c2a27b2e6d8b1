"""Answers of a given shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.agents import answer

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "said",
    [
        '{"name": "Ada", "age": 36}',
        '\n  {"name": "Ada", "age": 36}\n',
        '```json\n{"name": "Ada", "age": 36}\n```',
        'Here you are:\n\n```\n{"name": "Ada", "age": 36}\n```\nAnything else?',
        {"name": "Ada", "age": 36},
    ],
)
def test_a_valid_answer_becomes_data(said: Any) -> None:
    """Text that is JSON, one fenced block in prose, and data are taken."""
    assert answer.typed(said, PERSON) == {"name": "Ada", "age": 36}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "empty"),
        ("Ada is 36.", "not JSON: 'Ada is 36.'"),
        ('{"name": "Ada"', "not JSON"),
        ('{"name": 3}', "not valid at name: 3 is not of type 'string'"),
        ('{"age": 3}', "not valid at its top: 'name' is a required property"),
        ('{"name": "Ada", "age": -1}', "not valid at age"),
        ('{"name": "Ada", "age": NaN}', "not JSON"),
        ('```\n{"name": "A"}\n```\nor\n```\n{"name": "B"}\n```', "not JSON"),
        ("[" * 100_000, "not JSON"),
        (None, "None is not of type 'object'"),
    ],
)
def test_any_other_answer_is_refused_with_its_fault(said: Any, why: str) -> None:
    """The message names the place and the fault, in one line."""
    with pytest.raises(answer.WrongAnswer) as caught:
        answer.typed(said, PERSON)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("schema", [{"pattern": "("}, {"$ref": "#"}, {"$ref": "#/nowhere"}])
def test_a_schema_that_cannot_be_applied_is_told(schema: dict[str, Any]) -> None:
    """A broken pattern, a circle, a reference to nothing."""
    with pytest.raises(answer.WrongAnswer, match="cannot be applied"):
        answer.typed('"text"', schema)


def test_a_reference_is_never_fetched() -> None:
    """A schema that points elsewhere cannot make the host ask anybody."""
    with pytest.raises(answer.WrongAnswer, match="cannot be applied"):
        answer.typed("{}", {"$ref": "http://127.0.0.1:9/schema.json"})


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"required": "name"}, {"minimum": "x"}])
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    """Before anything is spawned."""
    with pytest.raises(errors.UsageError, match="no JSON schema"):
        answer.check_schema(schema)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_every_json_value_comes_through(value: Any) -> None:
    """What the model wrote is what the caller gets."""
    assert answer.typed(json.dumps(value), {}) == value


def test_an_answer_full_of_open_fences_is_read_at_once() -> None:
    """It is a model's text: whatever it is, it is looked through once, line by line."""
    with pytest.raises(answer.WrongAnswer, match="not JSON"):
        answer.typed("```a\n" * 500_000, PERSON)
    told = "```text\n" * 100_000 + '{"name": "Ada"}\n```'
    with pytest.raises(answer.WrongAnswer, match="not JSON"):
        answer.typed(told, PERSON)
