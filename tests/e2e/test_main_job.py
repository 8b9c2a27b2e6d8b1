"""The main job as a user does it: `coders` commands on a stack that started by itself."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import CommandLine, command_line
from support.launches import running
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: What every session object has, as `coders_queue.wire` documents it.
# fmt: off
KEYS = {
    "id", "name", "agent", "version", "state", "attempts", "host", "owner", "labels", "mode",
    "cwd", "created_at", "started_at", "ended_at", "pid", "cancel_reason", "exit_code",
    "signal", "cause", "result", "output", "output_truncated", "usage", "conversation_id",
    "workspace", "archived", "correlation_id", "agent_version", "alive", "host_silent", "activity",
    "history", "due_at", "priority", "waiting",
}
# fmt: on
CAP = 262_144


@pytest.fixture(scope="module")
def coders() -> Iterator[CommandLine]:
    """One stack for the module; at the end its sessions must have left nothing behind."""
    with command_line() as one:
        yield one
        one.at_rest()
        assert one.agents() == {}
        assert list(one.paths.worktrees.iterdir()) == []
        assert one.exposed() == []


def test_run_prints_one_object(coders: CommandLine) -> None:
    """It has every documented key, and errors and output in the order they were written."""
    before = time.time()
    shown = coders.run_shell("sh", "-c", "echo one; echo two >&2; echo three")
    assert set(shown) == KEYS | {"warnings"}
    assert shown["warnings"] == []
    assert shown["state"] == "succeeded"
    assert shown["exit_code"] == 0
    assert shown["cause"] is None
    assert shown["output"] == "one\ntwo\nthree\n"
    assert shown["output_truncated"] is False
    assert shown["attempts"] == 1
    assert before <= shown["started_at"] <= shown["ended_at"] <= time.time()
    assert shown["host"]
    assert shown["owner"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT])
def test_a_death_by_signal_is_128_and_the_signal(coders: CommandLine, number: int) -> None:
    """The exit code says which signal, and so does the cause."""
    shown = coders.run_shell("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")
    assert shown["state"] == "failed"
    assert shown["exit_code"] == 128 + number
    assert shown["signal"] == number
    assert shown["cause"]["kind"] == "signal"


def test_an_exit_status_is_told(coders: CommandLine) -> None:
    """A command that fails is a failed session with its status."""
    shown = coders.run_shell("sh", "-c", "exit 37")
    assert (shown["state"], shown["exit_code"], shown["signal"]) == ("failed", 37, None)
    assert shown["cause"]["kind"] == "exit"


def test_arguments_arrive_byte_for_byte(coders: CommandLine) -> None:
    """Nothing re-reads them: neither a shell nor tmux nor our own parser."""
    words = [
        *(b"", b" ", b";", b"a;", b"--json", b"--", b"-x", b"$HOME", b"`id`", b"'\"\\"),
        *(
            b"a\nb\tc",
            b"#{pane_id}",
            "ž🎉".encode(),
            b"\xff\xfe",
            b"%1",
            b"~",
            b"*",
            b"x" * 100_000,
        ),
    ]
    script = "import os, sys; print([os.fsencode(word).hex() for word in sys.argv[1:]])"
    shown = coders.run_shell(sys.executable, "-c", script, *words)
    assert shown["output"] == f"{[word.hex() for word in words]}\n"


def test_output_is_capped_from_its_end(coders: CommandLine) -> None:
    """More than the cap is cut, and said to be; the log has all of it."""
    shown = coders.run_shell("sh", "-c", f"yes 0123456 | head -c {CAP * 2}; echo end")
    assert shown["output_truncated"] is True
    assert len(shown["output"]) == CAP
    assert shown["output"].endswith("0123456\nend\n")
    whole = coders.ok("logs", "--raw", shown["id"]).out
    assert len(whole) == CAP * 2 + 4


def test_interactive_output_is_the_panes(coders: CommandLine) -> None:
    """In a terminal the agent sees one, and its bytes are what the terminal got."""
    shown = coders.run_shell("sh", "-c", "tty; stty size; echo $TERM", options=("--interactive",))
    assert shown["mode"] == "interactive"
    assert shown["output"].startswith("/dev/pts/")
    assert "\r\n40 120\r\n" in shown["output"]
    assert shown["exit_code"] == 0


def test_a_task_of_a_megabyte_arrives_on_standard_input(
    coders: CommandLine, tmp_path: Path
) -> None:
    """Byte for byte, what is not UTF-8 included."""
    task = (bytes(range(1, 256)) * 4200)[: 1024 * 1024]
    (tmp_path / "task").write_bytes(task)
    shown = coders.run_shell("sha256sum", options=("--task-file", str(tmp_path / "task")))
    assert shown["output"].split()[0] == hashlib.sha256(task).hexdigest()


def test_a_task_without_a_command_is_a_script(coders: CommandLine) -> None:
    """The built-in agent runs it, in the directory that was asked for."""
    done = coders.ok("run", "shell", "pwd; exit 0", "--json", cwd=Path("/usr"))
    assert done.json["output"] == "/usr\n"


def test_environment_arrives_and_is_never_shown(coders: CommandLine, tmp_path: Path) -> None:
    """Values given on the command line, in a file or by name reach the agent and nobody else."""
    secrets = [f"s3cret-{name}-{os.urandom(8).hex()}" for name in ("word", "file", "here")]
    (tmp_path / "env").write_text(f"# a comment\nBY_FILE={secrets[1]}\n")
    script = 'echo "$BY_WORD $BY_FILE $BY_NAME" | sha256sum; sleep 30'
    options = (
        *("--env", f"BY_WORD={secrets[0]}", "--env-file", str(tmp_path / "env")),
        *("--env", "BY_NAME", "--name", "secretive", "--json"),
    )
    spawned = coders.ok(
        "spawn", "shell", *options, "--", "sh", "-c", script, env={"BY_NAME": secrets[2]}
    )
    expected = hashlib.sha256(f"{' '.join(secrets)}\n".encode()).hexdigest()
    eventually(lambda: expected in coders.ok("logs", "secretive").text, 10)
    said = [spawned.text]
    for words in (("show",), ("show", "--json"), ("logs", "--raw"), ("wait", "--timeout", "0.1")):
        done = coders(*words, "secretive")
        said.append(done.text + done.err)
    said.append(coders.ok("ls", "--json").text)
    assert "BY_WORD" in said[2]
    while_it_runs = {path for secret in secrets for path in coders.holding(secret.encode())}
    coders.ok("kill", "secretive")
    session_id = spawned.json["id"]
    for words in (("result", "--json"), ("show", "--json"), ("logs", "--raw")):
        said.append(coders(*words, session_id).text)
    coders.at_rest()
    for secret in secrets:
        assert not any(secret in text for text in said)
    # the broker's own file and, while it lives, the host's copy are the places for values: nobody
    # else can read them
    host_files = {"host.sqlite", "host.sqlite-wal", "host.sqlite-shm"}
    assert {path.split("/")[0] for path in while_it_runs} <= {"broker", *host_files}
    eventually(
        lambda: (
            not host_files
            & {path for secret in secrets for path in coders.holding(secret.encode())}
        ),
        20,
    )
    afterwards = {path for secret in secrets for path in coders.holding(secret.encode())}
    assert {path.split("/")[0] for path in afterwards} <= {"broker"}
    with coders.client() as client:
        assert set(client.get(session_id).record.spec.env.values()) <= {""}


def test_names_and_prefixes(coders: CommandLine) -> None:
    """A session is found by its id, its name, and a prefix that fits no other."""
    session_id = coders.spawn_shell("sleep", "30", options=("--name", "findme"))
    for ref in (session_id, "findme", session_id[:13]):
        assert coders.show(ref)["id"] == session_id
    listed = coders.ok("ls", "--json").json
    assert [one["id"] for one in listed] == [session_id]
    assert set(listed[0]) == KEYS
    assert coders.ok("ls", "-q").text.split() == [session_id]
    assert "findme" in coders.ok("ls").text
    coders.ok("kill", "findme")
    missing = coders("show", "no-such-session")
    assert missing.code == 3
    assert "no-such-session" in missing.err


def test_an_ambiguous_prefix_names_the_candidates(coders: CommandLine) -> None:
    """It is refused, and each session that it could mean is told."""
    with coders.client() as client:
        coders.ok("up")
        for name in ("feed0001-x", "feed0002-x"):
            client.session("shell", argv=["true"], cwd="/").apply_async(task_id=name)
        for name in ("feed0001-x", "feed0002-x"):
            assert client.get(name).wait(30).ok
    done = coders("result", "feed000")
    assert done.code == 3
    assert "feed0001" in done.err
    assert "feed0002" in done.err
    assert coders.ok("result", "--json", "feed0002").json["id"] == "feed0002-x"


def test_a_name_in_use_is_a_conflict_that_leaves_nothing(
    coders: CommandLine, tmp_path: Path
) -> None:
    """The second session of one name is refused and no trace of it remains."""
    coders.spawn_shell("sleep", "30", options=("--name", "taken"))
    before = coders.ok("ls", "--all", "-q").text
    directories = list(coders.paths.sessions.iterdir())
    done = coders("run", "shell", "--name", "taken", "--json", "--", "touch", str(tmp_path / "ran"))
    assert done.code == 4
    assert done.json["error"]["kind"] == "conflict"
    assert "taken" in done.err
    assert coders.ok("ls", "--all", "-q").text == before
    assert list(coders.paths.sessions.iterdir()) == directories
    assert not (tmp_path / "ran").exists()
    coders.ok("kill", "taken")
    # an ended session gives its name back
    assert coders.run_shell("true", options=("--name", "taken"))["state"] == "succeeded"


def test_logs_follow_to_the_end(coders: CommandLine) -> None:
    """`logs` shows what is there, `logs -f` goes on until the session ends."""
    session_id = coders.spawn_shell("sh", "-c", "echo first; sleep 1; echo last")
    following = coders.start("logs", "-f", session_id)
    eventually(lambda: coders.ok("logs", session_id).text == "first\n", 10)
    assert following.communicate(timeout=20)[0] == b"first\nlast\n"
    assert following.returncode == 0
    assert coders.ok("logs", session_id).text == "first\nlast\n"
    lines = [json.loads(line) for line in coders.ok("logs", "--json", session_id).text.splitlines()]
    assert lines[-1] == {"state": "succeeded"}


def test_wait_result_and_kill(coders: CommandLine) -> None:
    """A live session has no result yet; a killed one is cancelled, once, and keeps its reason."""
    session_id = coders.spawn_shell("sleep", "60", options=("--name", "long"))
    assert coders("result", "long").code == 4
    late = coders("wait", "long", "--timeout", "0.3")
    assert late.code == 8
    waiting = coders.start("wait", "--json", "long")
    killed = coders.ok("kill", "--json", "long", "--reason", "enough of it").json
    assert killed["state"] == "cancelled"
    out = waiting.communicate(timeout=20)[0]
    assert waiting.returncode == 9
    assert json.loads(out)["cause"] == {"kind": "cancelled", "message": "enough of it"}
    assert coders("result", session_id).code == 9
    assert coders("kill", session_id).code == 4
    assert coders.agents() == {}


def test_an_agent_that_ignores_sigterm_is_killed(coders: CommandLine) -> None:
    """After the grace period nothing survives a kill, children included."""
    script = 'trap "" TERM; sh -c "trap \'\' TERM; sleep 61; sleep 62" & echo up; wait; sleep 63'
    session_id = coders.spawn_shell("sh", "-c", script)
    eventually(lambda: coders.ok("logs", session_id).out, 10)
    killed = coders.ok("kill", "--json", session_id).json
    assert killed["state"] == "cancelled"
    eventually(lambda: coders.agents() == {}, 10)


def test_a_timeout_cancels(coders: CommandLine) -> None:
    """A session that runs for longer than it may is stopped, and says why."""
    shown = coders.run_shell("sleep", "60", options=("--timeout", "1s"))
    assert shown["state"] == "cancelled"
    assert shown["cause"]["kind"] == "timeout"
    assert 0.9 < shown["ended_at"] - shown["started_at"] < 5


def test_status_doctor_and_agents(coders: CommandLine) -> None:
    """They tell what runs, that all is well, and which agents there are."""
    coders.ok("up")
    status = coders.ok("status", "--json").json
    assert status["degraded"] is False
    assert status["broker"].startswith("redis+socket://")
    assert str(status["worker"]["pid"]) in coders.ok("status").text
    checks = coders.ok("doctor", "--json").json
    assert {"tmux", "git", "broker", "worker"} <= {one["check"] for one in checks}
    assert all(one["ok"] for one in checks)
    agents = {one["name"]: one for one in coders.ok("agents", "--json").json}
    assert set(agents) == {"claude", "codex", "gemini", "merge", "opencode", "qwen", "shell"}


def test_a_daemon_left_behind_holds_nothing_up(coders: CommandLine) -> None:
    """A process that keeps the agent's output open does not keep the session from ending."""
    began = time.monotonic()
    shown = coders.run_shell("sh", "-c", "setsid sleep 300 & echo $!; exit 5")
    took = time.monotonic() - began
    pid = int(shown["output"])
    if running(pid):
        os.kill(pid, signal.SIGKILL)
    assert shown["exit_code"] == 5
    assert took < 10


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_session_survives_the_death_of_its_command(coders: CommandLine, number: int) -> None:
    """Whoever watches may go; the session goes on to its end."""
    name = f"watched-{int(number)}"
    watching = coders.start(
        "run", "shell", "--name", name, "--", "sh", "-c", "echo up; sleep 1.5; echo done"
    )
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"up\n"
    watching.send_signal(number)
    _, err = watching.communicate(timeout=20)
    if number == signal.SIGINT:
        assert watching.returncode == 130
        assert f"coders attach {name}" in err.decode()
    with coders.client() as client:
        # a name belongs to live sessions
        session_id = client.get(name).id
    final = coders.ok("wait", "--json", session_id).json
    assert final["output"] == "up\ndone\n"
