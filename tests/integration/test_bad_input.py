"""What people get wrong: one line that says what and what to do, and nothing half-made."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import scratch_git
from support.command_line import CommandLine, Done, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture(scope="module")
def coders() -> Iterator[CommandLine]:
    """A stack that runs."""
    with command_line() as one:
        one.ok("up")
        yield one
        one.at_rest()
        assert one.agents() == {}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real repository with one commit."""
    scratch_git.isolate(tmp_path, monkeypatch)
    return scratch_git.make_repository(tmp_path / "repo")


def said(done: Done, code: int, *words: str) -> None:
    """The command failed with that code and said why in one line, with at most one of advice."""
    assert done.code == code, done
    lines = done.err.splitlines()
    errors = [line for line in lines if line.startswith("coders: error: ")]
    assert len(errors) == 1, done.err
    assert [line for line in lines if not line.startswith(("coders: ", "  try: "))] == []
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, done.err


class Before:
    """What there was before; afterwards nothing may have been added."""

    def __init__(self, coders: CommandLine, repository: Path | None = None) -> None:
        self._coders = coders
        self._repository = repository
        self._was = self._look()

    def unchanged(self) -> None:
        """Nothing half-created: no record, attempt, worktree, branch or process."""
        assert self._look() == self._was

    def _look(self) -> dict[str, Any]:
        coders = self._coders
        return {
            "records": coders.ok("ls", "--all", "-q").text,
            "attempts": sorted(coders.paths.sessions.iterdir()),
            "worktrees": sorted(coders.paths.worktrees.iterdir()),
            "archives": sorted(coders.paths.archive.iterdir()),
            "agents": coders.agents(),
            "git": self._repository and scratch_git.traces(self._repository),
        }


def test_an_unknown_agent(coders: CommandLine) -> None:
    """It is named with the nearest right one or the list."""
    before = Before(coders)
    done = coders("run", "cluade", "do it")
    said(done, 5, "cluade", "claude")
    before.unchanged()
    as_json = coders("run", "cluade", "do it", "--json")
    assert as_json.json["error"]["kind"] == "unknown-agent"
    assert as_json.json["error"]["exit_code"] == 5


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "/etc/passwd", "/etc"])
def test_a_missing_program(coders: CommandLine, program: str) -> None:
    """What is not there, or cannot be run, is refused before anything is written."""
    before = Before(coders)
    said(coders("run", "shell", "--", program), 5, program)
    before.unchanged()


def test_a_missing_agents_program(coders: CommandLine, repository: Path) -> None:
    """An agent that is not installed leaves no worktree behind."""
    before = Before(coders, repository)
    env = {"PATH": "/usr/bin:/bin"}
    options = ("--worktree", "HEAD", "--cwd", str(repository))
    said(coders("run", "claude", "x", *options, env=env), 5, "'claude'", "PATH")
    before.unchanged()


@pytest.mark.parametrize("options", [(), ("--worktree", "HEAD")])
def test_a_missing_directory(coders: CommandLine, tmp_path: Path, options: tuple[str, ...]) -> None:
    """The path is named, for a plain directory and for a worktree's repository."""
    before = Before(coders)
    missing = tmp_path / "missing"
    said(coders("run", "shell", "--cwd", str(missing), *options, "--", "true"), 5, str(missing))
    (tmp_path / "file").touch()
    done = coders("run", "shell", "--cwd", str(tmp_path / "file"), *options, "--", "true")
    said(done, 5, "file")
    before.unchanged()


def test_no_repository(coders: CommandLine, tmp_path: Path) -> None:
    """A worktree needs a repository."""
    before = Before(coders)
    done = coders("run", "shell", "--worktree", "HEAD", "--", "true", cwd=tmp_path)
    said(done, 5, str(tmp_path), "repository")
    before.unchanged()


def test_no_such_ref(coders: CommandLine, repository: Path) -> None:
    """A ref that the repository does not have is named."""
    before = Before(coders, repository)
    done = coders("run", "shell", "--worktree", "no-such-ref", "--", "true", cwd=repository)
    said(done, 5, "no-such-ref")
    before.unchanged()


def test_an_oversized_task(coders: CommandLine, tmp_path: Path) -> None:
    """Over 4 MiB no task is taken."""
    before = Before(coders)
    (tmp_path / "task").write_bytes(b"x" * (4 * 1024 * 1024 + 1))
    said(coders("run", "shell", "--task-file", str(tmp_path / "task"), "--", "cat"), 2, "4194304")
    before.unchanged()


def test_what_cannot_be_carried(coders: CommandLine, tmp_path: Path) -> None:
    """NUL in a task, an argument larger than the system takes, a variable without a name."""
    before = Before(coders)
    (tmp_path / "task").write_bytes(b"a\0b")
    said(coders("run", "shell", "--task-file", str(tmp_path / "task"), "--", "cat"), 2, "NUL")
    said(coders("run", "shell", "--env", "=secret", "--", "true"), 2, "name")
    said(coders("run", "shell"), 2, "command")
    said(coders("run", "shell", "--timeout", "soon", "--", "true"), 2, "soon")
    said(coders("run", "shell", "--name", "no/slash", "--", "true"), 2, "no/slash")
    said(coders("run", "shell", "--host", "nowhere", "--", "true"), 3, "nowhere")
    before.unchanged()


def test_a_name_in_use(coders: CommandLine, repository: Path) -> None:
    """The second session of a name is refused; the repository stays as it was."""
    session_id = coders.spawn_shell("sleep", "60", options=("--name", "taken"))
    before = Before(coders, repository)
    options = ("--name", "taken", "--worktree", "HEAD")
    said(coders("run", "shell", *options, "--", "true", cwd=repository), 4, "taken")
    before.unchanged()
    coders.ok("kill", session_id)


def test_an_unreadable_configuration(tmp_path: Path) -> None:
    """File and line are named, and nothing is started."""
    file = tmp_path / "config" / "coders" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("session:\n  grace: 5\n  grase: 6\n")
    with command_line({"XDG_CONFIG_HOME": str(tmp_path / "config")}) as coders:
        said(coders("run", "shell", "--", "true"), 2, f"{file}:3", "grace")
        file.write_text("session: [\n")
        said(coders("run", "shell", "--", "true"), 2, str(file))
        file.unlink()
        file.mkdir()
        said(coders("run", "shell", "--", "true"), 2, str(file))
        assert coders.processes() == {}
    with command_line({"CODERS_SESSION_GRASE": "5"}) as coders:
        said(
            coders("run", "shell", "--", "true"), 2, "CODERS_SESSION_GRASE", "CODERS_SESSION_GRACE"
        )
        assert coders.processes() == {}


def test_a_broker_that_is_not_there() -> None:
    """A dead port is told in seconds, without the password; nothing runs afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"redis://:s3cret@127.0.0.1:{port}/0"
    with command_line({"CODERS_BROKER_URL": url}) as coders:
        done = coders("run", "shell", "--", "true", timeout=30)
        said(done, 6, f"127.0.0.1:{port}")
        assert "s3cret" not in done.err
        assert coders.holding(b"s3cret") == []
        eventually(lambda: coders.processes() == {}, 20)


def test_a_broker_that_says_nothing() -> None:
    """One that accepts and is silent is given up after the timeout that is set for it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        environ = {"CODERS_BROKER_URL": url, "CODERS_BROKER_SOCKET_TIMEOUT": "1"}
        with command_line(environ) as coders:
            said(coders("run", "shell", "--", "true", timeout=30), 6, "127.0.0.1")
            eventually(lambda: coders.processes() == {}, 20)


def test_the_broker_goes_away_under_a_worker() -> None:
    """The host goes on alone and says so, status says degraded, and `up` mends it."""
    with command_line({"CODERS_HOST_KEEP": "false"}) as coders:
        coders.ok("up")
        (broker,) = [pid for pid, words in coders.processes().items() if "valkey-server" in words]
        os.kill(broker, 9)
        eventually(lambda: broker not in coders.processes(), 10)
        alone = coders.ok("run", "shell", "--", "true")
        assert "degraded: the broker is away" in alone.err
        assert coders.ok("status", "--json").json["degraded"] is True
        coders.ok("up")
        assert coders.run_shell("true")["state"] == "succeeded"


@pytest.mark.parametrize("version", ["tmux 1.8", "tmux 3.1c", "nonsense"])
def test_a_tmux_that_is_too_old(tmp_path: Path, version: str) -> None:
    """It is told with the floor and how to get a newer one; no worker stays."""
    fake = tmp_path / "tmux"
    fake.write_text(f"#!/bin/sh\necho '{version}'\n")
    fake.chmod(0o755)
    with command_line({"CODERS_TMUX_PROGRAM": str(fake)}) as coders:
        said(coders("run", "shell", "--", "true"), 7, "tmux", "install")
        doctor = coders("doctor", "--json")
        assert doctor.code == 7
        assert "tmux" in {one["check"] for one in doctor.json if not one["ok"]}
        assert coders.processes() == {}


def test_no_tmux_at_all(tmp_path: Path) -> None:
    """The program that was looked for is named."""
    with command_line({"CODERS_TMUX_PROGRAM": str(tmp_path / "none")}) as coders:
        said(coders("run", "shell", "--", "true"), 7, "none", "install")
