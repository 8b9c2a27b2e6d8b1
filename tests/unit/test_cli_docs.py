"""The reference pages say what the command line does."""

from __future__ import annotations

from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.cli import exits, failure, reference
from coders_queue.cli.catalog import COMMANDS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(reference.published()))
def test_the_pages_are_current(name: str) -> None:
    """Each page is what ``python -m coders_queue.cli.reference`` writes."""
    assert (ROOT / name).read_text(encoding="utf-8") == reference.published()[name]


def test_every_command_is_on_its_page() -> None:
    """With a usage line and an example."""
    page = reference.cli()
    for name in COMMANDS:
        assert f"## coders {name}\n" in page
        assert f"\ncoders {name}" in page.partition(f"## coders {name}\n")[2]


def test_every_exit_code_is_explained() -> None:
    """Those of the errors, in order, and those of our own."""
    codes = [code for code, _ in exits.MEANINGS]
    assert codes == sorted(set(codes))
    assert {cls.exit_code for cls in errors.BY_KIND.values()} <= set(codes)
    assert failure.Bug.exit_code == exits.BUG
