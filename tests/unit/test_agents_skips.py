"""The rule that CI skips nothing that was not reviewed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import skips

TESTS = Path(__file__).resolve().parents[1]
SAMPLE = """
import pytest
@pytest.mark.skip(reason="no npm here")
def test_skipped(): ...
@pytest.mark.xfail
def test_expected_failure(): assert False
def test_fine(): ...
"""


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("true", "1 passed, 1 xfailed, 1 error"), ("", "1 passed, 1 skipped, 1 xfailed")],
)
def test_a_skip_fails_in_ci_alone(ci: str, outcomes: str, tmp_path: Path) -> None:
    """With the reason it gave; expected failures are no skips."""
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    argv = [sys.executable, "-m", "pytest", "-p", "support.skips", "-p", "no:cacheprovider", "-q"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS), "CI": ci}
    done = subprocess.run(
        [*argv, "--rootdir", str(tmp_path), str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcomes in done.stdout
    assert ("skipped in CI without leave" in done.stdout) is bool(ci)
    assert ("no npm here" in done.stdout) is bool(ci)


def test_a_reviewed_skip_is_known_by_its_pattern() -> None:
    """Brackets belong to a test's id."""
    allowed = skips.read_allowed(["# why", "", "t.py::test_a[1-*]  no such CPU"])
    assert allowed == {"t.py::test_a[1-*]": "no such CPU"}
    assert skips.is_allowed("t.py::test_a[1-x]", allowed)
    assert not skips.is_allowed("t.py::test_a[2-x]", allowed)
    assert not skips.is_allowed("t.py::test_a1", ["t.py::test_a[1]"])


def test_a_line_without_a_reason_is_an_error() -> None:
    """Nobody is let off without saying why."""
    with pytest.raises(ValueError, match=r"allowed_skips\.txt:2"):
        skips.read_allowed(["# head", "tests/unit/*"])


def test_the_list_in_the_repository_is_well_formed() -> None:
    """Every line of it has a pattern and a reason."""
    skips.read_allowed(skips.ALLOWED_FILE.read_text().splitlines())
