"""What becomes of a session whose agent, terminal or machine goes down, on a whole stack."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import steady_agent
from support.command_line import CommandLine, command_line
from support.launches import running
from support.local_stack import eventually
from support.scratch_git import isolate, make_repository

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the agent writes down what it does."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def coders(tmp_path_factory: pytest.TempPathFactory, work: Path) -> Iterator[CommandLine]:
    """A stack with an agent that can be resumed, and that waits little before it tries again."""
    config = tmp_path_factory.mktemp("config")
    steady_agent.describe(config / "coders" / "agents", work)
    environ = {"XDG_CONFIG_HOME": str(config), "CODERS_RESTART_BACKOFF": "0.2"}
    with command_line(environ) as one:
        one.ok("up")
        yield one
        one.ok("up")
        one.at_rest()
        assert one.agents() == {}


def spawn(coders: CommandLine, task: str, *options: str) -> str:
    return coders.ok("spawn", "steady", task, *options).text.strip()


def final(coders: CommandLine, session_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = coders("wait", "--json", session_id, "--timeout", "60").json
    return shown


def steps(work: Path, conversation: str) -> list[int]:
    return [number for one, number, _ in steady_agent.ledger(work) if one == conversation]


def test_a_crashed_agent_goes_on_in_its_conversation(coders: CommandLine, work: Path) -> None:
    """By itself, with nothing done twice, its cause kept, and its usage added up."""
    shown = final(coders, spawn(coders, "work 5 0.05 fall 2"))
    assert (shown["state"], shown["attempts"], shown["result"]) == ("succeeded", 3, "5 steps")
    assert [one["cause"]["kind"] for one in shown["history"]] == ["signal", "signal"]
    assert [one["signal"] for one in shown["history"]] == [9, 9]
    assert {one["conversation_id"] for one in shown["history"]} == {shown["conversation_id"]}
    assert steps(work, shown["conversation_id"]) == [1, 2, 3, 4, 5]


def test_a_crash_too_many_ends_the_session(coders: CommandLine) -> None:
    """With the last cause, and how often it was tried."""
    shown = final(coders, spawn(coders, "work 9 0.01 fall 9"))
    assert (shown["state"], shown["attempts"]) == ("failed", 4)
    assert shown["cause"]["kind"] == "signal"
    assert "restarted 3 times" in shown["cause"]["message"]


def test_a_command_that_crashed_is_not_run_again(coders: CommandLine) -> None:
    """Doing it twice may not be the same as doing it once."""
    shown = coders.run_shell("sh", "-c", "kill -9 $$")
    assert (shown["state"], shown["attempts"], shown["signal"]) == ("failed", 1, 9)


def test_a_killed_session_does_not_come_back(coders: CommandLine) -> None:
    """Neither while it runs nor while it waits to be restarted."""
    session_id = spawn(coders, "work 500 0.1")
    eventually(lambda: coders.show(session_id)["state"] == "running", 20)
    shown = coders.ok("kill", "--json", session_id).json
    assert (shown["state"], shown["attempts"]) == ("cancelled", 1)
    coders.ok("down")
    coders.ok("up")
    assert coders.show(session_id)["state"] == "cancelled"


def test_a_rebooted_machine_brings_everything_back(coders: CommandLine, work: Path) -> None:
    """All processes gone at once, the broker's too: the next start resumes what ran."""
    ids = [spawn(coders, f"work {8 + number} 0.3") for number in range(4)]
    command = coders.spawn_shell("sleep", "300")
    eventually(lambda: all(coders.show(one)["state"] == "running" for one in ids), 20)
    eventually(lambda: len(steady_agent.ledger(work)) > 4, 20)
    everything = coders.processes()
    # nothing sees the others go
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in everything:
            os.kill(pid, number)
    eventually(lambda: not coders.processes(), 20)
    coders.ok("up")
    ended = [final(coders, one) for one in ids]
    for number, shown in enumerate(ended):
        assert (shown["state"], shown["attempts"]) == ("succeeded", 2), shown
        assert shown["history"][0]["cause"]["kind"] == "lost"
        wanted = list(range(1, 9 + number))
        assert steps(work, shown["conversation_id"]) == wanted
    lost = final(coders, command)
    assert (lost["state"], lost["attempts"], lost["cause"]["kind"]) == ("failed", 1, "lost")


def test_a_worktree_stays_for_the_next_attempt(
    coders: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first attempt left there is found by the second, and counted as the session's."""
    isolate(tmp_path, monkeypatch)
    place = make_repository(tmp_path / "repo")
    script = (
        "if [ -e mark ]; then echo again; else touch mark; git add mark; "
        "git -c user.name=T -c user.email=t@example.invalid commit -q -m mark; kill -9 $$; fi"
    )
    session_id = coders.ok(
        "spawn", "shell", "--worktree", "HEAD", "--restart", "on-crash", "--",
        "sh", "-c", script, cwd=place,
    ).text.strip()  # fmt: skip
    shown = final(coders, session_id)
    assert (shown["state"], shown["attempts"], shown["output"]) == ("succeeded", 2, "again\n")
    assert len(shown["workspace"]["commits"]) == 1


def test_a_check_decides(coders: CommandLine, tmp_path: Path) -> None:
    """The agent says that it is done; the check says whether it is."""
    shown = final(coders, spawn(coders, "work 1 0", "--check", "test -e /nowhere"))
    assert (shown["state"], shown["cause"]["kind"]) == ("failed", "check")
    assert "the check ended with status 1" in shown["cause"]["message"]
    shown = final(coders, spawn(coders, "work 1 0", "--check", "test -e /"))
    assert shown["state"] == "succeeded"


def test_no_process_of_an_earlier_attempt_runs_beside_the_next(coders: CommandLine) -> None:
    """A daemon that outlived its agent is ended before the next attempt begins."""
    script = (
        'if [ "$CODERS_ATTEMPT" = 1 ]; then setsid sleep 300 & echo $! ; kill -9 $$; fi; echo next'
    )
    session_id = coders.ok(
        "spawn", "shell", "--restart", "on-crash", "--", "sh", "-c", script
    ).text.strip()
    shown = final(coders, session_id)
    assert (shown["attempts"], shown["output"]) == (2, "next\n")
    daemon = int(coders.ok("logs", "--attempt", "1", session_id).text.split()[0])
    assert not running(daemon)
