"""Errors: a line, a hint, an exit code, and never a traceback on the screen."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, wire
from coders_queue.cli import exits
from coders_queue.cli.commands import ls
from coders_queue.cli.failure import AlreadySaid
from coders_queue.cli.main import main
from support.fake_host import FakeHost, session

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("kind", sorted(errors.BY_KIND))
def test_every_error_of_the_host(kind: str, fake_host: FakeHost, capsys: Capture) -> None:
    """Whatever the host answers comes out as one line, a hint and the code of its kind."""
    error = errors.BY_KIND[kind]("it is\noff", "do this")
    fake_host.answers["show"] = error
    assert main(["show", "x"]) == error.exit_code
    assert capsys.readouterr().err == "coders: error: it is\\noff\n  try: do this\n"
    assert main(["show", "x", "--json"]) == error.exit_code
    told = json.loads(capsys.readouterr().out)["error"]
    assert told == {
        "kind": kind,
        "message": "it is\noff",
        "hint": "do this",
        "exit_code": error.exit_code,
    }
    assert error.exit_code in dict(exits.MEANINGS)


def test_json_of_the_agents_own_words_is_not_ours(fake_host: FakeHost, capsys: Capture) -> None:
    """A --json after -- is the agent's: errors are not printed as JSON for it."""
    fake_host.answers["spawn"] = errors.Conflict("in use")
    assert main(["run", "shell", "--", "x", "--json"]) == 4
    assert capsys.readouterr().out == ""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(options: Any, context: Any) -> int:
        raise KeyError("surprise")

    monkeypatch.setattr(ls, "run", run)


@pytest.mark.usefixtures("broken")
def test_a_bug_is_a_line_and_a_file(cli_state: Path, capsys: Capture) -> None:
    """The traceback is in a file that only its user can read."""
    assert main(["ls", "--owner", "hunter2"]) == exits.BUG
    err = capsys.readouterr().err
    assert "Traceback" not in err
    (file,) = (cli_state / "logs").iterdir()
    assert str(file) in err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli_state.stat().st_mode) == 0o700
    text = file.read_text()
    assert "KeyError: 'surprise'" in text
    assert "hunter2" not in text


@pytest.mark.usefixtures("broken", "cli_state")
def test_a_bug_where_no_state_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The file goes elsewhere when the state directory is of no use."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("CODERS_STATE_DIR", str(tmp_path / "file" / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["ls"]) == exits.BUG
    assert str(next(tmp_path.glob("cli-crash-*"))) in capsys.readouterr().err


def test_a_state_directory_that_cannot_be(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A wrong environment is a usage error of every command that needs it."""
    monkeypatch.setenv("CODERS_STATE_DIR", "relative")
    assert main(["ls"]) == 2
    assert "CODERS_STATE_DIR" in capsys.readouterr().err


def test_what_a_program_has_said_is_not_said_again(
    fake_host: FakeHost, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The starter's own line stands; programs still get their object."""
    fake_host.stop()

    def fail() -> None:
        raise AlreadySaid("tmux is too old", "install 3.2", 7)

    monkeypatch.setattr("coders_queue.cli.lazy.start_stack", fail)
    assert main(["spawn", "shell", "--json", "--", "x"]) == 7
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["error"]["message"] == "tmux is too old"


def test_the_agent_of_a_run_goes_on_after_ctrl_c(fake_host: FakeHost) -> None:
    """Ctrl-C ends the watching alone, and says how to go on."""

    def forever(params: dict[str, Any]) -> Any:
        while True:
            yield {"state": "running"}
            time.sleep(0.05)

    fake_host.answers["wait"] = forever
    with subprocess.Popen(
        [sys.executable, "-m", "coders_queue.cli.main", "run", "shell", "--json", "--", "x"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _until(lambda: "wait" in [request["verb"] for request in fake_host.requests])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == exits.INTERRUPTED
    assert out == ""
    assert err.splitlines() == [
        "coders: stopped watching; fix goes on",
        "  attach: coders attach fix",
        "  end it: coders kill fix",
    ]
    assert "kill" not in [request["verb"] for request in fake_host.requests]


def test_ctrl_c_elsewhere(
    fake_host: FakeHost, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """One word, no traceback."""

    def interrupt(*words: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wire, "call", interrupt)
    assert main(["ls"]) == exits.INTERRUPTED
    assert capsys.readouterr().err == "coders: interrupted\n"


def test_a_reader_that_goes_away(fake_host: FakeHost) -> None:
    """coders ls | head is no error worth a word."""
    fake_host.answers["ls"] = {"sessions": [session() for _ in range(3000)]}
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "coders_queue.cli.main", "ls", "--json"],
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert done.returncode == exits.BROKEN_PIPE
    assert done.stderr == b""


def _until(condition: Any, limit: float = 30.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
