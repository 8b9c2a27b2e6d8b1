"""Screens without what moves by itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue.agents.screen import Screen
from coders_queue.watching.picture import Pictures, digest_of
from support.screen_corpus import SCREENS

#: Two pictures of a silent model that differ by more: the box was drawn wider in between.
_REDRAWN = {("qwen", "0.23.0")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("⠋ Working", "⠙ Working"),
        ("✻ Pondering… (12s · ↑ 200 tokens · esc to interrupt)",
         "✶ Moseying… (14s · ↑ 1.2k tokens · esc to interrupt)"),
        ("  ■■⬝⬝  esc interrupt", "  ⬝■■⬝  esc interrupt"),
        ("● Bash(make)", "  Bash(make)"),
        ("elapsed 00:12:01", "elapsed 01:12:02"),
        ("| building", "/ building"),
        ("ran for 3.1s", "ran for 3.2s"),
    ],
)  # fmt: skip
def test_what_turns_and_ticks_is_no_progress(one: str, other: str) -> None:
    """Marks, times, counts and the tool's own line of work do not make another picture."""
    assert digest_of(("said", one)) == digest_of(("said", other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("compiled 12/80 files", "compiled 13/80 files"),
        ("copied 34%", "copied 35%"),
        ("test_a passed", "test_b passed"),
    ],
)
def test_what_was_done_is_progress(one: str, other: str) -> None:
    """Words, and shares of a whole, do."""
    assert digest_of((one,)) != digest_of((other,))


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=60))
def test_a_circle_is_no_progress(frames: list[str]) -> None:
    """Whatever a screen shows again is nothing new: any spinner has only so many pictures."""
    pictures = Pictures()
    assert sum(pictures.new((frame,)) for frame in frames) == len(set(frames))


@pytest.mark.parametrize("tool", ["claude", "codex", "gemini", "opencode", "qwen"])
def test_no_tool_s_spinner_is_progress(tool: str) -> None:
    """Pictures of the real tools, taken while the model was silent, are all the same one."""
    compared = 0
    for index in sorted((SCREENS / tool).glob("*/index.jsonl")):
        if (tool, index.parent.name) in _REDRAWN:
            continue
        before: tuple[int, bytes] | None = None
        for row in map(json.loads, index.read_text(encoding="utf-8").splitlines()):
            if not row["note"].startswith("model silent"):
                before = None
                continue
            text = (index.parent / row["file"]).read_text(encoding="utf-8")
            screen = Screen(text, row["title"], row["columns"], row["rows"])
            now = (row["columns"], digest_of(screen.lines))
            if before is not None and before[0] == now[0]:
                compared += 1
                assert before == now, f"{index.parent.name}: {row['file']}"
            before = now
    assert compared
