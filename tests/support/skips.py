"""A pytest plugin: in CI a skipped test is a failure, unless the skip was reviewed.

Load it from ``tests/conftest.py``: ``pytest_plugins = ["support.skips"]``. The reviewed skips are
in ``tests/allowed_skips.txt``: a shell pattern of test ids, two spaces or more, and the reason. CI
is where the variable ``CI`` is set to anything but ``0``, ``false`` or nothing.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

ALLOWED_FILE = Path(__file__).resolve().parents[1] / "allowed_skips.txt"


def in_ci(environ: dict[str, str] | os._Environ[str] = os.environ) -> bool:
    """Whether this run may skip nothing by itself."""
    return environ.get("CI", "").lower() not in ("", "0", "false")


def read_allowed(lines: Iterable[str]) -> dict[str, str]:
    """Patterns and reasons. Raises ValueError for a line without a reason."""
    allowed = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = re.fullmatch(r"(\S+)\s{2,}(\S.*)", text)
        if match is None:
            raise ValueError(f"{ALLOWED_FILE.name}:{number}: write PATTERN, two spaces, the reason")
        allowed[match[1]] = match[2]
    return allowed


def is_allowed(test_id: str, allowed: Iterable[str]) -> bool:
    """Whether a pattern covers the test."""
    # square brackets are part of test ids here, not a class of characters
    return any(fnmatch.fnmatchcase(test_id, pattern.replace("[", "[[]")) for pattern in allowed)


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome != "skipped" or hasattr(report, "wasxfail") or not in_ci():
        return
    with ALLOWED_FILE.open(encoding="utf-8") as lines:
        if is_allowed(report.nodeid, read_allowed(lines)):
            return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"skipped in CI without leave (tests/{ALLOWED_FILE.name}): {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn an unreviewed skip of a test into a failure."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself."""
    report = yield
    _refuse(report)
    return report
