"""Regular expressions of described tools: which are taken, and how long those take."""

from __future__ import annotations

import contextlib
import time

import pytest

from coders_queue.agents.described import patterns
from coders_queue.agents.described.patterns import SHORTEST, Refused, pattern

#: What somebody would write, and one who wants to hang the worker.
TAKEN = (
    r"^\s*(\d+)\.\s+(.*)$",
    r"^❯ (?P<draft>.*)$",
    r"(?i)esc to interrupt",
    r"^Tokens: (?P<input>[\d,]+) sent, (?P<output>[\d,]+) received\.$",
    r"[✻✽] \w+…",
    r"\w+@\w+\.com",
    r".*x.*",
    r"^(?P<question>.*\?)\s*$",
    r"^(yes|no|maybe) .*",
    r"\bERROR\b",
    r"^a{3}b{2,5}",
    r"(?:ab)+c",
    r"\s+$",
)
REFUSED = (
    r"(a+)+$",
    r"(a*)*",
    r"^(\w+\s?)*$",
    r"(a|aa)+$",
    r"(.*a){20}",
    r"(x{1,30}){1,30}",
    r"a?" * 30 + "a" * 30,
    r".*.*.*.*x",
    r".*a.*b.*c.*d",
    r"(?=a)b",
    r"(?<!a)b",
    r"(a)\1",
    r"(?(1)a|b)",
    "[",
    "a" * 1001,
)
HOSTILE = ("a" * 9000, "x" * 9000, " " * 9000, "1" * 9000, "ab" * 4500, "\n" * 9000, "a@" * 4500)


@pytest.mark.parametrize("text", TAKEN)
def test_a_pattern_that_is_taken_is_fast_on_any_line(text: str) -> None:
    """No text, however long, holds the worker up."""
    found = pattern(text)
    assert found.limit >= SHORTEST
    for line in HOSTILE:
        began = time.process_time()
        found.search(line + "\x00")
        assert time.process_time() - began < 2.0


@pytest.mark.parametrize("text", REFUSED)
def test_a_pattern_that_may_take_for_ever_is_refused(text: str) -> None:
    """Before it meets a text; so is what is no pattern."""
    with pytest.raises(Refused):
        pattern(text)


def test_a_pattern_that_is_nested_deeply_breaks_nothing() -> None:
    """It is a pattern like another."""
    assert pattern("(" * 90 + ")" * 90).search("") is not None
    with contextlib.suppress(Refused):
        pattern("(" * 490 + ")" * 490)


def test_many_lines_are_looked_at_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not found by then is not there: a run is taken for incomplete, never for fine."""
    monkeypatch.setattr(patterns, "PATIENCE", 0.0)
    assert pattern("^x").last(["x", *["a" * 100] * 1000]) is None
    assert pattern("^x").last(["x"]) is not None


def test_the_last_line_that_matches_is_found() -> None:
    """The newest word on a screen counts."""
    found = pattern("a(.)").last(["ab", "x", "ac", "y"])
    assert found is not None
    assert (found[0], found[1][1]) == (2, "c")
    assert pattern("q").last(["a"]) is None
