"""What an input box holds, held against the text that was pasted into it."""

from __future__ import annotations

import pytest

from coders_queue.agents.adapter import Delivery
from coders_workers.supervisor.input_box import compare, count, needles

PLACEHOLDER = Delivery().placeholder
LONG = "".join(
    f"line {number} of a long text, which a box cannot show whole\n" for number in range(60)
)


@pytest.mark.parametrize(
    ("draft", "text", "box"),
    [
        (None, "text", "empty"),
        ("  \n", "text", "empty"),
        ("text", "text", "ours"),
        ("a text that was\nwrapped by the box", "a text that was wrapped by the box", "ours"),
        ("wrap│\n│ped", "wrapped", "ours"),
        ("tab    ž漢🎉", "tab\tž漢🎉👩\u200d🔧", "ours"),
        ("text and more", "text", "other"),
        ("tex", "text", "other"),
        ("other", "text", "other"),
        ("texttext", "text", "other"),
        ("??", "??", "ours"),
        ("?!", "??", "other"),
        (LONG[600:1200], LONG, "ours"),
        ("line 1", LONG, "other"),
        ("[Pasted text #2 +59 lines]", LONG, "ours"),
        ("[Pasted Content 3421 chars]", LONG, "ours"),
        ("line 0 of a [...Truncated text #1 +50 lines...] show whole", LONG, "ours"),
        ("mine [Pasted text #1 +59 lines]", LONG, "other"),
        ("[Pasted text #1 +59 lines][Pasted text #2 +59 lines]", LONG, "other"),
        (LONG + LONG, LONG, "other"),
    ],
)  # fmt: skip
def test_a_box_is_empty_ours_or_somebody_else_s(draft: str | None, text: str, box: str) -> None:
    """Wrapping and what a terminal cannot show do not matter; a word more does."""
    assert compare(draft, text, PLACEHOLDER) == box


def test_a_prompt_is_found_on_a_screen() -> None:
    """By its beginning, wrapped or not, or by the placeholder it had in the box."""
    searched = needles(LONG, "[Pasted text #2 +59 lines]")
    assert (
        count(["> line 0 of a long", "  text, which a box cannot show", "  whole"], searched) == 1
    )
    assert count(["> [Pasted text #2 +59 lines]"], searched) == 1
    assert count(["> something else"], searched) == 0
