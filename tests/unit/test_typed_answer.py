"""Answers checked in a process of their own."""

from __future__ import annotations

from typing import Any

import pytest

from coders_queue.agents import answer
from coders_workers.supervisor import typed_answer

PERSON = {"type": "object", "required": ["name"]}


@pytest.mark.parametrize("said", ['{"name": "Ada \\ud83c"}', {"name": "Ada \ud83c"}])
def test_a_valid_answer_comes_back_as_data(said: Any) -> None:
    """Whether the tool gave text or data, half a character included."""
    assert typed_answer.typed(said, PERSON) == {"name": "Ada \ud83c"}


def test_another_is_refused_in_the_same_words() -> None:
    """The message crosses from process to process."""
    with pytest.raises(answer.WrongAnswer, match="'name' is a required property"):
        typed_answer.typed("{}", PERSON)


def _doubling() -> dict[str, Any]:
    steps: dict[str, Any] = {"0": {"type": "string"}}
    for step in range(1, 60):
        steps[str(step)] = {"allOf": [{"$ref": f"#/$defs/{step - 1}"}] * 2}
    return {"$defs": steps, "$ref": "#/$defs/59"}


@pytest.mark.parametrize("schema", [{"pattern": "^(a+)+$"}, _doubling()])
def test_a_check_without_an_end_is_stopped(schema: dict[str, Any]) -> None:
    """A schema like that costs its own session, and not the whole worker."""
    with pytest.raises(answer.WrongAnswer, match="took over 2 s and was stopped"):
        typed_answer.typed(f'"{"a" * 60}b"', schema, patience=2.0)
