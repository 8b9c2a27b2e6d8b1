"""A headless Claude Code as a person watches it."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from coders_queue.agents.claude.render import render_line
from coders_queue.agents.screen import plain

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "claude" / "2.1.197"


def rendered(case: str) -> list[str]:
    lines = (GOLDEN / f"{case}.jsonl").read_bytes().splitlines(keepends=True)
    shown = [render_line(line) for line in lines]
    return b"".join(text for text in shown if text).decode().splitlines()


def event(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_a_run_with_a_tool_call_reads_like_a_log() -> None:
    """Start, call, what came back, answer, end with its price."""
    start, call, one, two, answer, end = rendered("tool-call")
    assert start.startswith("* Claude Code 2.1.197, claude-opus-4-8")
    assert call == "> Bash: echo one; echo two"
    assert [one, two] == ["  | one", "  | two"]
    assert answer == "The stub has seen the tool's result."
    assert end.startswith("* done (")
    assert end.endswith(" s, 2 turns, $0.0024)")


def test_a_denied_tool_is_said_twice() -> None:
    """Where it happened, and at the end, where one looks."""
    lines = rendered("denied")
    assert any(line.startswith("  ! touch in '/tmp/person/project/denied'") for line in lines)
    assert lines[-1] == "* denied for want of permission: Bash"


def test_a_failure_shows_the_retries_and_the_reason() -> None:
    """An overloaded service is seen while it lasts."""
    lines = rendered("overloaded-529")
    assert "* the model service answered 529; trying again" in lines
    assert lines[-1].startswith("* failed: API Error: 529")
    assert rendered("max-turns")[-1].startswith("* failed: Reached maximum number of turns (1)")


def test_an_agents_words_cannot_command_the_terminal() -> None:
    """Escape sequences, C1 codes and bells are gone; lines, tabs and letters stay."""
    nasty = "a\x1b[31mb\x1b]0;title\x07c\x1b]8;;http://x\x1b\\d\x9b31me\x07\rf\x1b(Bg\tž\nz"
    shown = render_line(
        event(type="assistant", message={"content": [{"type": "text", "text": nasty}]})
    )
    assert shown == "abcd31me\nfg\tž\nz\n".encode()


def test_a_long_result_is_cut_with_what_is_hidden_said() -> None:
    """A thousand lines of a file are of no use to a person who watches."""
    text = "\n".join(f"line {number}" for number in range(1000))
    block = {"type": "tool_result", "content": [{"type": "text", "text": text}, {"type": "image"}]}
    shown = render_line(event(type="user", message={"content": [block]}))
    assert shown is not None
    assert shown.decode().splitlines()[-2:] == ["  | line 7", "  | ... 992 more lines"]


def test_lines_of_no_interest_are_left_out_and_foreign_ones_are_shown() -> None:
    """A warning of the program stands in the log; bookkeeping does not."""
    assert render_line(event(type="system", subtype="status")) is None
    assert render_line(event(type="new_kind_of_event")) is None
    assert render_line(b"\n") is None
    assert render_line(b"\x1b[33mwarning\x1b[0m: \xff\n") == "warning: \ufffd\n".encode()


@given(st.text())
def test_plain_text_holds_no_control_character(text: str) -> None:
    """Whatever went in, but newlines and tabs."""
    assert all(
        char in "\n\t" or (char >= " " and not "\x7f" <= char <= "\x9f") for char in plain(text)
    )


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["type", "content", "text", "input", "name"]), x)
        ),
    )
)
def test_messages_of_any_shape_are_survived(message: object) -> None:
    """A new version's stream is shown in part rather than not at all."""
    for kind in ("assistant", "user", "result", "system"):
        shown = render_line(event(type=kind, message=message, errors=message, result=message))
        assert shown is None or shown.endswith(b"\n")
