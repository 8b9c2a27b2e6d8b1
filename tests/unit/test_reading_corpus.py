"""Every recorded screen of every agent, read with colours and without, by agent and by version."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from support import screen_corpus as corpus

DOCS = Path(__file__).parents[2] / "docs"
TOOLS = ("claude", "codex", "gemini", "opencode", "qwen")
#: What the readers have to reach.
GOAL = 0.98


@pytest.mark.parametrize("colours", [True, False], ids=["colours", "plain"])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_screens_of_an_agent_are_read_right(tool: str, colours: bool) -> None:
    """Over all versions and sizes the mean F1 of the states is at least 0.98."""
    score = corpus.score(corpus.samples(tool), colours=colours)
    assert score.macro_f1 >= GOAL, score.confusion


@pytest.mark.parametrize("tool", TOOLS)
def test_there_is_enough_of_each_agent(tool: str) -> None:
    """At least 60 samples of two versions or more, in four sizes, of all states but few."""
    found = list(corpus.samples(tool))
    assert len(found) >= 60
    assert len({one.version for one in found}) >= 2
    assert len({(one.columns, one.rows) for one in found}) >= 4
    states = {one.state for one in found}
    assert states >= {"starting", "idle", "working", "waiting", "exited", "error"}
    assert any("misleading" in one.note for one in found)
    assert sum("\x1b[" in one.text for one in found) >= 40


@pytest.mark.parametrize("tool", TOOLS)
def test_what_no_screen_tells_is_a_small_part(tool: str) -> None:
    """Samples that are not counted stay below a tenth."""
    found = list(corpus.samples(tool))
    assert 10 * sum(one.untold is not None for one in found) <= len(found)


def test_no_machine_is_named_in_the_corpus() -> None:
    """The screens show a home and a project of nobody's."""
    for path in (*corpus.SCREENS.rglob("*.txt"), *corpus.SCREENS.rglob("*.json*")):
        text = path.read_text(encoding="utf-8")
        assert "/root" not in text


def test_the_published_scores_are_current() -> None:
    """The page is what ``python docs/generate_reading.py`` writes."""
    made = runpy.run_path(str(DOCS / "generate_reading.py"))
    assert (DOCS / made["PAGE"]).read_text(encoding="utf-8") == made["page"]()
