"""Screens of Gemini CLI and Qwen Code, recorded and labelled by what the model stub was doing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents import registry
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation

SCREENS = Path(__file__).parents[1] / "golden/screens"
#: While the service refuses and is asked again, nothing on the screen says so.
SILENT = "429 again and again"


def samples() -> list[Any]:
    """Those of these two tools' own recordings, whose notes say what was typed."""
    found = []
    for tool in ("gemini", "qwen"):
        for index in sorted((SCREENS / tool).glob("*/index.jsonl")):
            for line in index.read_text().splitlines():
                sample = json.loads(line)
                if not re.fullmatch(r"\d\d-\w+\.txt", sample["file"]):
                    continue
                name = f"{tool}-{index.parent.name}-{sample['file']}"
                found.append(pytest.param(tool, index.parent, sample, id=name))
    return found


def read(tool: str, text: str, title: str = "", columns: int = 120, rows: int = 40) -> Observation:
    screen = Screen(text=text, title=title, columns=columns, rows=rows)
    return registry.get(tool).observe_screen(screen)


@pytest.mark.parametrize(("tool", "directory", "sample"), samples())
def test_a_recorded_screen(tool: str, directory: Path, sample: dict[str, Any]) -> None:
    """It reads as what was going on; so does its plain text without a title."""
    text = (directory / sample["file"]).read_text()
    expected = "working" if sample["note"].startswith(SILENT) else sample["state"]
    size = (sample["columns"], sample["rows"])
    seen = read(tool, text, sample["title"], *size)
    assert seen.state == expected, sample["note"]
    plain = "\n".join(Screen(text).lines)
    assert read(tool, plain, "", *size).state == expected, sample["note"]
    if expected in ("waiting", "dialog"):
        assert seen.question
        assert len(seen.choices) > 1
    typed = "draft" in sample["note"] or "typed" in sample["note"]
    # Qwen Code puts a prompt that is taken back, or suggests one
    if tool == "gemini" and "slash" not in sample["note"]:
        assert (seen.draft is not None) is typed, sample["note"]
    if typed:
        assert seen.draft in ("look at the parser", "and then also", "draft over it")


def gemini(
    *body: str, title: str = "", box: str = "  Type your message or @path/to/file"
) -> Observation:
    lines = [*body, "─" * 80, " Shift+Tab to accept edits", f" > {box}", " workspace   /model"]
    return read("gemini", "\n".join(lines), title, 80, 24)


def test_quoted_words_decide_nothing() -> None:
    """An answer may look like any of the tool's own lines; it has a mark, or is further in."""
    assert gemini("✦ ⠋ Thinking... (esc to cancel, 2s)").state == "idle"
    assert gemini("✦ look:", "  ⠋ Thinking... (esc to cancel, 2s)").state == "idle"
    assert gemini("✦ ✕ [API Error: 429]", "  Rate limit exceeded").state == "idle"
    assert (
        gemini("✦ Do you trust the files in this folder?", "  ● 1. Yes", "  2. No").state == "idle"
    )
    assert gemini("✦ It said:", "  ✕ [API Error: 503 overloaded]").state == "idle"
    assert gemini("✦ Pane is dead (status 0)", "  dev@box:~$").state == "idle"


def test_what_the_tool_itself_says_decides() -> None:
    """The same words in their own place."""
    assert gemini(" ⠋ Thinking... (esc to cancel, 2s)").state == "working"
    assert gemini("✕ [API Error: 500 it broke]").state == "error"
    limited = gemini('✕ [API Error: {"error":{"code":429,"message":"Quota exceeded"}}]')
    assert (limited.state, limited.message) == ("rate_limited", "Quota exceeded (HTTP 429)")
    retrying = gemini(" ⠋ Trying to reach gemini-3-pro (Attempt 2/10) (esc to cancel, 2s)")
    assert retrying.state == "rate_limited"
    assert gemini("✕ [API Error: 500]", " > go on", "✦ Done.").state == "idle"


def test_the_title_tells_what_the_screen_does_not() -> None:
    """A line of status that is not drawn; but no title keeps a dead pane alive."""
    assert gemini("✦ Hm", title="✦  Working… (app)").state == "working"
    dead = (
        "✦ Hm\n⠋ Thinking... (esc to cancel, 2s)\nPane is dead (signal 9, Sun Nov 22 17:35:58 2026)"
    )
    assert read("gemini", dead, "✦  Working… (app)").state == "exited"
    assert read("qwen", "", "\x1b]0;evil\x07").state == "starting"


@pytest.mark.parametrize("tool", ["gemini", "qwen"])
@pytest.mark.parametrize(
    "text", ["garbage", "╭───────────╮", "1. a\n2. b", "\x1b[2J\x00\xff", "─" * 99]
)
def test_what_is_no_screen_of_the_tool_is_unknown(tool: str, text: str) -> None:
    """And nothing breaks."""
    assert read(tool, text).state in ("unknown", "starting", "waiting")
    assert read(tool, text * 5000).state in ("unknown", "starting", "waiting")


def test_a_loop_and_a_limit_are_asked_about() -> None:
    """Both are panels in place of the box; which is told by their words."""
    panel = (
        "╭" + "─" * 40 + "╮",
        "│ {} │",
        "│ ● 1. Keep trying │",
        "│   2. Stop │",
        "╰" + "─" * 40 + "╯",
    )
    for words, state in (
        ("A potential loop was detected", "waiting"),
        ("Usage limit reached for gemini-3-pro.", "rate_limited"),
    ):
        seen = read("gemini", "\n".join(panel).format(words), "◇  Ready (app)")
        assert (seen.state, seen.choices) == (state, ("Keep trying", "Stop"))


def test_a_key_that_is_typed_is_no_question() -> None:
    """The dialog shows it in clear."""
    rule = "─" * 60
    lines = ("╭" + rule + "╮", "│ ? Enter Gemini API Key", "│ ╭" + rule + "╮", "│ │ sk-secret")
    text = "\n".join((*lines, "│ ╰" + rule + "╯", "│ (Press Enter to submit)", "╰" + rule + "╯"))
    seen = read("gemini", text, "◇  Ready (app)")
    assert (seen.state, seen.question, seen.choices) == ("dialog", "Enter Gemini API Key", ())
