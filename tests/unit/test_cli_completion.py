"""Completion, asked as a shell asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coders_queue.agents import registry
from coders_queue.cli import completer
from coders_queue.cli.main import main
from support.fake_host import FakeHost, session

pytest_plugins = ("support.host_fixtures",)


def complete(line: str, tmp_path: Path) -> set[str]:
    """What is offered at the end of ``line``."""
    answer = tmp_path / "answer"
    answer.write_bytes(b"")
    environ = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    subprocess.run(
        [sys.executable, "-m", "coders_queue.cli.main"],
        env=environ,
        check=True,
        timeout=60,
        capture_output=True,
    )
    return {word.strip() for word in answer.read_text().split("\n") if word.strip()}


def test_commands_and_options(fake_host: FakeHost, tmp_path: Path) -> None:
    """Commands by their start, options of the command at hand."""
    assert complete("coders s", tmp_path) == {"spawn", "show", "send", "status", "service"}
    assert complete("coders run --work", tmp_path) == {"--worktree"}
    assert complete("coders run claude --permission e", tmp_path) == {"edit"}


def test_commands_below_a_command(fake_host: FakeHost, tmp_path: Path) -> None:
    """`agents` offers its own, and each of them its options."""
    assert complete("coders agents in", tmp_path) == {"install"}
    assert complete("coders agents pin --pro", tmp_path) == {"--project"}
    assert complete("coders agents read claude x --ki", tmp_path) == {"--kind"}


def test_sessions_come_from_the_host(fake_host: FakeHost, tmp_path: Path) -> None:
    """Names of live sessions, ids of those without a name."""
    fake_host.answers["ls"] = {"sessions": [session(), session(name=None, id="77aa")]}
    assert complete("coders attach ", tmp_path) >= {"fix", "77aa"}
    assert complete("coders kill 7", tmp_path) == {"77aa"}
    assert fake_host.asked("ls")["all"] is False


def test_agents_come_from_the_host(fake_host: FakeHost, tmp_path: Path) -> None:
    """The agents that the host knows."""
    fake_host.answers["agents"] = {"agents": [{"name": "claude"}, {"name": "codex"}]}
    assert complete("coders spawn c", tmp_path) == {"claude", "codex"}


def test_without_a_worker(cli_state: Path, tmp_path: Path) -> None:
    """Known agents are offered, sessions not, and nothing is started."""
    assert complete("coders run sh", tmp_path) == {"shell"}
    assert complete("coders attach f", tmp_path) == set()
    assert not cli_state.exists()


def test_the_agents_known_without_a_worker() -> None:
    """They are those of the registry, which is too slow to load for a completion."""
    assert sorted(completer.KNOWN_AGENTS) == sorted(registry.built_in())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A script for each shell, that calls coders."""
    assert main(["completion", shell]) == 0
    assert "_ARGCOMPLETE" in capsys.readouterr().out


def test_the_script_works_in_bash(fake_host: FakeHost, tmp_path: Path) -> None:
    """A real bash that has read the script completes."""
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    program = bin_directory / "coders"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m coders_queue.cli.main "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(coders completion bash)"\n'
        'COMP_LINE="coders spa" COMP_POINT=10 COMP_TYPE=9 COMP_WORDS=(coders spa)\n'
        "_python_argcomplete coders\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["spawn"]
