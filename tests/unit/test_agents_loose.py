"""Values of which nothing is promised."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue.agents import loose

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists
) | st.dictionaries(st.text(), st.integers())


@given(ANYTHING)
def test_nothing_raises_and_types_hold(value: Any) -> None:
    """Whatever a tool writes."""
    assert isinstance(loose.mapping(value), dict)
    assert isinstance(loose.items(value), list)
    assert loose.count(value) >= 0
    found = loose.number(value)
    assert found is None or math.isfinite(found)
    money = loose.money(value)
    assert money is None or money >= 0
    text = loose.text(value)
    assert text is None or text == value


@given(st.binary())
def test_any_bytes_are_lines(data: bytes) -> None:
    """Only line feeds part them, and none of them raises."""
    found = list(loose.lines(data))
    assert all(line and line == line.strip() and b"\n" not in line for line in found)
    assert all(loose.event(line) is None or isinstance(loose.event(line), dict) for line in found)


@pytest.mark.parametrize(
    ("value", "count"),
    [(3, 3), (3.9, 3), (-1, 0), (True, 0), ("3", 0), (2**63, 0), (float("nan"), 0)],
)
def test_a_count(value: Any, count: int) -> None:
    """Numbers only, and none below nothing."""
    assert loose.count(value) == count


def test_an_event_says_its_type() -> None:
    """Other JSON is noise."""
    assert loose.event(b'{"type": "x", "n": 1}') == {"type": "x", "n": 1}
    for other in ("[]", '"type"', '{"type": 1}', "{}", '{"type": "x"'):
        assert loose.event(other.encode()) is None
    assert loose.event(json.dumps({"type": "ž\u2028"}).encode()) == {"type": "ž\u2028"}
