"""Sessions outlive what started them, and end with a cause when they cannot."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import CommandLine, command_line
from support.launches import running
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: An agent that ends when a file appears, and says so.
_UNTIL = 'echo up; while [ ! -e "$1" ]; do sleep 0.05; done; echo done; exit 7'


@pytest.fixture(scope="module")
def coders() -> Iterator[CommandLine]:
    """One stack for the module; at the end its sessions must have left nothing behind."""
    with command_line() as one:
        yield one
        one.ok("up")
        one.at_rest()
        assert one.agents() == {}
        assert one.exposed() == []


def spawn_until(coders: CommandLine, gate: Path) -> str:
    """A session that goes on until its gate exists; once it has printed something."""
    session_id = coders.spawn_shell("sh", "-c", _UNTIL, "sh", str(gate))
    eventually(lambda: coders.ok("logs", session_id).text == "up\n", 10)
    return session_id


def kill_worker(coders: CommandLine) -> None:
    """End the worker without a word, and wait until it is gone."""
    pid = coders.worker_pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not running(pid), 10)


def kill_tmux(coders: CommandLine) -> None:
    """End the tmux server with all it holds."""
    argv = ["tmux", "-S", str(coders.paths.tmux_socket), "kill-server"]
    subprocess.run(argv, check=True, capture_output=True, timeout=20)


def test_down_and_up_leave_a_session_alone(coders: CommandLine, tmp_path: Path) -> None:
    """The stack stops and starts; the same process of the same attempt goes on to its end."""
    session_id = spawn_until(coders, tmp_path / "gate")
    pid = coders.show(session_id)["pid"]
    coders.ok("down")
    assert coders.ok("status", "--json").json["worker"] is None
    assert coders("ls").code == 6
    assert running(pid)
    coders.ok("up")
    shown = coders.show(session_id)
    assert (shown["state"], shown["pid"], shown["attempts"]) == ("running", pid, 1)
    (tmp_path / "gate").touch()
    final = coders("wait", "--json", session_id).json
    assert (final["exit_code"], final["output"], final["attempts"]) == (7, "up\ndone\n", 1)


def test_a_session_that_ends_while_the_stack_is_down_has_its_result(
    coders: CommandLine, tmp_path: Path
) -> None:
    """The exit status waits on the disk."""
    session_id = spawn_until(coders, tmp_path / "gate")
    pid = coders.show(session_id)["pid"]
    coders.ok("down")
    (tmp_path / "gate").touch()
    eventually(lambda: not running(pid), 10)
    coders.ok("up")
    final = coders("wait", "--json", session_id, "--timeout", "20").json
    assert (final["state"], final["exit_code"]) == ("failed", 7)
    assert final["output"] == "up\ndone\n"


def test_a_killed_worker_is_replaced_and_adopts(coders: CommandLine, tmp_path: Path) -> None:
    """`coders wait` starts another worker by itself, and the result arrives."""
    session_id = spawn_until(coders, tmp_path / "gate")
    waiting = coders.start("wait", "--json", session_id)
    pid = coders.show(session_id)["pid"]
    kill_worker(coders)
    assert running(pid)
    eventually(lambda: coders("status", "--json").json["worker"], 30)
    assert coders.show(session_id)["pid"] == pid
    (tmp_path / "gate").touch()
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 1, err
    assert b'"exit_code": 7' in out
    assert b'"attempts": 1' in out


def test_an_exit_status_on_disk_outlives_tmux_and_worker(
    coders: CommandLine, tmp_path: Path
) -> None:
    """Both gone, the session still ends as its agent did."""
    session_id = spawn_until(coders, tmp_path / "gate")
    pid = coders.show(session_id)["pid"]
    kill_worker(coders)
    (tmp_path / "gate").touch()
    eventually(lambda: not running(pid), 10)
    kill_tmux(coders)
    coders.ok("up")
    final = coders("wait", "--json", session_id, "--timeout", "20").json
    assert final["exit_code"] == 7
    assert final["output"] == "up\ndone\n"


@pytest.mark.parametrize("mode", ["--headless", "--interactive"])
def test_a_killed_tmux_server_ends_a_session_with_its_cause(coders: CommandLine, mode: str) -> None:
    """The session does not hang, it fails and says why; the next one runs."""
    session_id = coders.spawn_shell("sleep", "600", options=(mode,))
    pid = coders.show(session_id)["pid"]
    kill_tmux(coders)
    done = coders("wait", "--json", session_id, "--timeout", "20")
    assert done.code == 1, done
    assert done.json["state"] == "failed"
    assert done.json["cause"]["kind"] in ("lost", "signal", "exit")
    assert done.json["cause"]["message"]
    eventually(lambda: not running(pid), 10)
    assert coders.run_shell("true")["state"] == "succeeded"


def test_a_killed_launcher_is_a_lost_session(coders: CommandLine) -> None:
    """Nobody knows how the agent ended: it is ended for good and reported as lost."""
    session_id = coders.spawn_shell("sleep", "601")
    agent = coders.show(session_id)["pid"]
    launcher = int(Path(f"/proc/{agent}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(launcher, signal.SIGKILL)
    final = coders("wait", "--json", session_id, "--timeout", "20").json
    assert final["state"] == "failed"
    assert final["cause"]["kind"] == "lost"
    assert final["exit_code"] is None
    eventually(lambda: not running(agent), 10)


def test_a_killed_broker_delays_a_session_and_loses_none(
    coders: CommandLine, tmp_path: Path
) -> None:
    """The embedded broker comes back with its data, and the session ends as it would have."""
    session_id = spawn_until(coders, tmp_path / "gate")
    broker = [pid for pid, words in coders.processes().items() if "valkey-server" in words]
    assert len(broker) == 1, coders.processes()
    os.kill(broker[0], signal.SIGKILL)
    eventually(lambda: not running(broker[0]), 10)
    (tmp_path / "gate").touch()
    coders.ok("up")
    final = coders("wait", "--json", session_id, "--timeout", "40", timeout=60).json
    assert final["exit_code"] == 7
