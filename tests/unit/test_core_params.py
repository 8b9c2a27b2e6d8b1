"""What a caller on the host's socket may say, and what it is told when it says anything else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors, wire
from coders_workers.server import params as read

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["\ud800", "\0", "\udc80"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
READERS: list[Callable[[dict[str, Any], str], object]] = [
    read.text,
    read.flag,
    read.seconds,
    read.mapping,
    read.texts,
    lambda params, name: read.count(params, name, 1),
]


@given(value=JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """Whatever JSON a parameter holds, it is taken as what it must be, or is a UsageError."""
    for reader in READERS:
        with contextlib.suppress(errors.UsageError):
            reader({"it": value}, "it")


def test_what_is_missing_is_its_default() -> None:
    """A parameter left out, or null, is the default of its kind."""
    for params in ({}, {"it": None}):
        assert read.text(params, "it") is None
        assert read.flag(params, "it") is False
        assert read.flag(params, "it", True) is True
        assert read.seconds(params, "it") is None
        assert read.count(params, "it", 0) is None
        assert read.mapping(params, "it") == {}


@pytest.mark.parametrize("value", [True, 10**400, -1, "3", float("nan"), float("inf")])
def test_no_time(value: Any) -> None:
    """A time is a finite number of seconds from 0, and true is no number."""
    with pytest.raises(errors.UsageError, match="number of seconds"):
        read.seconds({"it": value}, "it")


@pytest.mark.parametrize("line", [b"[" * 200_000, b'{"a":' * 100_000, b"\xff", b"1" * 5000 + b"x"])
def test_no_message(line: bytes) -> None:
    """A line that is no JSON, or is nested without end, is the caller's mistake."""
    with pytest.raises(errors.UsageError):
        wire.decode(line)
