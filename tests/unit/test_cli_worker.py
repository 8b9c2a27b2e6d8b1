"""The worker is started where that is due, and found again when it is lost."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.cli import stack, watch
from coders_queue.cli.failure import AlreadySaid
from coders_queue.cli.main import main
from support.fake_host import FakeHost, HangUp, session

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def starts(fake_host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the stack was started; a start makes the fake host listen."""
    calls: list[str] = []

    def start() -> dict[str, Any]:
        calls.append("up")
        fake_host.start()
        return {}

    monkeypatch.setattr("coders_queue.cli.lazy.start_stack", start)
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    fake_host.stop()
    return calls


def test_spawn_starts_the_worker(fake_host: FakeHost, starts: list[str]) -> None:
    """A request for work brings up what it needs, once."""
    assert main(["spawn", "shell", "--", "x"]) == 0
    assert starts == ["up"]
    assert fake_host.spec["argv"] == ["x"]


def test_a_look_starts_nothing(starts: list[str], capsys: Capture) -> None:
    """After coders down a look at the list does not bring everything back."""
    assert main(["ls"]) == 6
    assert "coders up" in capsys.readouterr().err
    assert main(["wait", "fix"]) == 6
    assert main(["logs", "fix"]) == 6
    assert starts == []


@pytest.mark.parametrize("words", [["ls"], ["wait", "fix"], ["logs", "fix"]])
def test_a_worker_that_died_is_started_again(
    words: list[str], fake_host: FakeHost, starts: list[str]
) -> None:
    """A socket nobody listens on is the mark of a worker that was killed."""
    fake_host.start()
    fake_host.stop(leave_socket=True)
    assert main(words) == 0
    assert starts == ["up"]


def test_a_start_that_does_not_help(
    fake_host: FakeHost, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The request is tried once more, not for ever."""
    fake_host.stop()
    calls: list[str] = []
    monkeypatch.setattr("coders_queue.cli.lazy.start_stack", lambda: calls.append("up"))
    assert main(["spawn", "shell", "--", "x"]) == 6
    assert calls == ["up"]
    assert "no worker listens" in capsys.readouterr().err


def test_a_wait_survives_the_worker(
    fake_host: FakeHost, starts: list[str], capsys: Capture
) -> None:
    """Killed in the middle of a wait, the worker is started and asked again."""
    fake_host.start()
    asked = 0

    def wait(params: dict[str, Any]) -> Any:
        nonlocal asked
        asked += 1
        yield {"state": "running"}
        if asked == 1:
            fake_host.stop(leave_socket=True)
            raise HangUp
        return session()

    fake_host.answers["wait"] = wait
    assert main(["wait", "fix", "--json"]) == 0
    assert asked == 2
    assert starts == ["up"]
    printed = capsys.readouterr()
    assert json.loads(printed.out) == session()
    assert "lost the worker" in printed.err


def test_a_stream_survives_the_worker(
    fake_host: FakeHost, starts: list[str], capfdbinary: Any
) -> None:
    """After a reconnection nothing is shown twice and nothing is missing."""
    fake_host.start()
    asked = 0

    def logs(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        nonlocal asked
        asked += 1
        pieces = [b"abc", b"def"] if asked == 1 else [b"ab", b"cdefg", b"hi\n"]
        for piece in pieces:
            yield {"data": base64.b64encode(piece).decode()}
        if asked == 1:
            raise HangUp
        return {"state": "succeeded"}

    fake_host.answers["logs"] = logs
    assert main(["run", "shell", "--", "x"]) == 0
    assert capfdbinary.readouterr().out == b"abcdefghi\n"
    assert asked == 2


def test_a_worker_that_stays_away(
    fake_host: FakeHost, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was stopped while we watched is not started; the watching ends."""
    monkeypatch.setattr(watch, "RECONNECTS", 3)
    fake_host.start()

    def wait(params: dict[str, Any]) -> Any:
        yield {"state": "running"}
        fake_host.stop()
        raise HangUp

    fake_host.answers["wait"] = wait
    assert main(["wait", "fix"]) == 6
    assert starts == []


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for ``python -m coders_workers`` with a script of the test's."""

    def write(script: str) -> None:
        file = tmp_path / "program.py"
        file.write_text(script)
        monkeypatch.setattr(stack, "program", lambda *words: [sys.executable, str(file), *words])

    return write


def test_the_guard_of_these_tests_holds(cli_state: Path, capfd: Capture) -> None:
    """No unit test starts a real worker, whatever else goes wrong."""
    assert main(["up"]) == 1
    assert "a unit test tried" in capfd.readouterr().err


def test_the_host_sides_program_is_its_module() -> None:
    """Run by the same Python, and blind to modules of the directory one stands in."""
    assert stack.program("up", "--json") == [
        *(sys.executable, "-P", "-m", "coders_workers"),
        *("up", "--json"),
    ]


def test_up_and_down(program: Any, cli_state: Path, capsys: Capture) -> None:
    """Their object is the program's."""
    program("import json, sys; print(json.dumps({'asked': sys.argv[1:]}))")
    assert main(["up", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"asked": ["up", "--json"]}
    assert main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"asked": ["down", "--json"]}
    assert main(["up"]) == 0
    assert main(["down"]) == 0
    assert "sessions stay" in capsys.readouterr().out


def test_a_start_that_fails(program: Any, cli_state: Path, capfd: Capture) -> None:
    """The program's line reaches the user once, its exit code is ours."""
    program("import sys; print('coders: error: no tmux', file=sys.stderr); sys.exit(7)")
    assert main(["up", "--json"]) == 7
    printed = capfd.readouterr()
    assert printed.err == "coders: error: no tmux\n"
    assert json.loads(printed.out)["error"]["exit_code"] == 7


def test_a_start_that_fails_with_an_object(program: Any) -> None:
    """An error that the program printed as JSON keeps its message."""
    program('import sys; print(\'{"error": {"message": "m", "hint": "h"}}\'); sys.exit(5)')
    with pytest.raises(AlreadySaid, match="m") as caught:
        stack.up()
    assert (caught.value.hint, caught.value.exit_code) == ("h", 5)


def test_a_daemon_left_behind_does_not_hold_us_up(program: Any) -> None:
    """What the program leaves running may keep its standard output open."""
    program(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'],"
        " stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)\n"
        "print('{\"pid\": %d}' % child.pid, flush=True)\n"
        "import os; os._exit(0)"
    )
    assert stack.up()["pid"] > 0


def test_a_start_that_hangs(program: Any) -> None:
    """It is ended at its limit."""
    program("import time; time.sleep(60)")
    with pytest.raises(errors.TimedOut):
        stack.capture(["up"], limit=0.3)


def test_worker_and_flower_become_the_program(cli_state: Path) -> None:
    """All their words are handed on, --help and -- too; the process is replaced."""
    script = (
        "import os, sys\n"
        "from coders_queue.cli.main import main\n"
        "def execv(file, argv):\n"
        "    print(file, *argv, sep='|', flush=True)\n"
        "    os._exit(0)\n"
        "os.execv = execv\n"
        "main(sys.argv[1:])"
    )
    for name in ("worker", "flower"):
        done = subprocess.run(
            [sys.executable, "-c", script, name, "--help", "--", "--port", "1"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        program = "|".join(stack.program(name, "--help", "--", "--port", "1"))
        assert done.stdout == f"{sys.executable}|{program}\n"
