"""The fake worker as fixtures: ``pytest_plugins = ("support.host_fixtures",)`` in a test module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.fake_host import FakeHost

#: Found before the real host side, by this process's children, too.
_NO_HOST_SIDE = "import sys\nsys.exit('a unit test tried to start the real host side')\n"


@pytest.fixture
def cli_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty state directory, its path short enough for sockets; no real stack can be started."""
    directory = Path(tempfile.mkdtemp(prefix="coders-cli-"))
    guard = directory / "guard" / "coders_workers"
    guard.mkdir(parents=True)
    (guard / "__init__.py").touch()
    (guard / "__main__.py").write_text(_NO_HOST_SIDE)
    monkeypatch.setenv("PYTHONPATH", str(guard.parent))
    monkeypatch.setenv("CODERS_STATE_DIR", str(directory / "state"))
    for name in ("COLUMNS", "NO_COLOR", "TMUX", "_ARGCOMPLETE"):
        monkeypatch.delenv(name, raising=False)
    yield directory / "state"
    shutil.rmtree(directory)


@pytest.fixture
def fake_host(cli_state: Path) -> Iterator[FakeHost]:
    """A fake worker that listens."""
    listening = FakeHost(cli_state).start()
    yield listening
    listening.stop()
