"""``coders clean`` on a real stack."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from coders_queue import ids
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.tmux, pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.fixture
def coders() -> Iterator[CommandLine]:
    with command_line() as one:
        yield one


def _tmux(coders: CommandLine, *words: str) -> str:
    argv = ["tmux", "-S", str(coders.paths.tmux_socket), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout


def test_what_is_over_goes_and_what_lives_stays(coders: CommandLine) -> None:
    """An old archive, a terminal of nobody's, a log: told with --dry-run, gone without."""
    done = json.loads(coders.ok("run", "shell", "--json", "--", "true").out)
    live = coders.ok("spawn", "shell", "--", "sleep", "600").out.decode().strip()
    archive = coders.paths.archive / done["id"][:2] / done["id"] / "1"
    eventually((archive / "manifest.json").exists)
    old = time.time() - 40 * 86400
    os.utime(archive / "manifest.json", (old, old))
    log = coders.paths.logs / "worker.log.7"
    log.write_text("x" * 9000)
    os.utime(log, (old, old))
    stray = ids.attempt_ref(done["id"], 1)
    _tmux(coders, "new-session", "-d", "-s", stray, "sleep", "600")
    report = json.loads(coders.ok("clean", "--dry-run", "--json").out)
    assert {one["kind"] for one in report["removed"]} == {"archive", "log", "terminal"}
    assert report["bytes"] > 9000
    assert report["kept"] == []
    assert archive.is_dir()
    said = coders.ok("clean").out.decode()
    assert f"removed archive {archive} (archived 40 days ago)" in said
    assert "freed" in said.splitlines()[-1]
    assert not archive.exists()
    assert not log.exists()
    names = _tmux(coders, "list-sessions", "-F", "#{session_name}").split()
    assert stray not in names
    assert ids.attempt_ref(live, 1) in names
    assert coders.ok("clean").out == b"nothing to remove\n"


def test_without_a_worker_nothing_is_started(coders: CommandLine) -> None:
    """Only a worker knows what has ended."""
    coders.ok("up")
    coders.ok("down")
    done = coders("clean")
    assert done.code != 0
    assert "coders up" in done.err
