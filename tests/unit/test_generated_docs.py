"""The reference pages say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from coders_queue.models.lifecycle import MOVES

DOCS = Path(__file__).parents[2] / "docs"
PAGES: dict[str, str] = runpy.run_path(str(DOCS / "generate.py"))["published"]()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_current(name: str) -> None:
    """Each page is what ``python docs/generate.py`` writes."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]


def test_the_graph_has_every_move_and_no_other() -> None:
    """The drawing of the lifecycle is the table."""
    arrows = {
        tuple(line.strip().split(" --> "))
        for line in PAGES["reference/lifecycle.md"].splitlines()
        if " --> " in line and "[*]" not in line
    }
    assert arrows == {(str(a), str(b)) for a, targets in MOVES.items() for b in targets}
