"""The local stack when it is started twice, beside another, or under a broker that is silent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.settings.paths import Paths
from coders_workers import broker
from support.command_line import CommandLine, command_line

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture
def paths() -> Iterator[Paths]:
    """A state directory whose broker is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="coders-") as directory:
        found = Paths(Path(directory, "s")).ensure()
        yield found
        broker.stop(found)


def test_a_silent_broker_is_not_started_again(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a server is frozen no second one may write its file; when it is killed, one may."""
    first = broker.start(paths)
    assert first is not None
    assert broker.broker_lock(paths).holder() == first.pid
    first.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(broker, "_START_TIMEOUT", 0.5)
    with pytest.raises(errors.TimedOut, match=f"pid {first.pid}.* runs, and has not answered"):
        broker.start(paths)
    first.send_signal(signal.SIGCONT)
    assert broker.start(paths) is None
    first.kill()
    first.wait(10)
    monkeypatch.undo()
    second = broker.start(paths)
    assert second is not None
    assert broker.stop(paths)
    assert second.wait(10) == 0
    assert not broker.stop(paths)


def test_what_was_answered_is_on_disk(paths: Paths) -> None:
    """Killed at any moment, it comes back with all that it had answered, on a slow disk too."""
    first = broker.start(paths)
    assert first is not None
    with broker.client(paths) as connection:
        # a slow disk cannot be had in a test; with "everysec" it loses what waits for the disk
        assert connection.config_get("appendfsync") == {"appendfsync": "always"}
        for number in range(100):
            connection.set(f"key-{number}", "here")
    first.kill()
    first.wait(10)
    second = broker.start(paths)
    assert second is not None
    with broker.client(paths) as connection:
        assert connection.dbsize() == 100
    broker.stop(paths)
    second.wait(10)


def test_two_at_once_start_one(paths: Paths) -> None:
    """``coders up`` beside a worker in the foreground: both ask for the broker, one starts it."""
    code = (
        "import sys; from pathlib import Path; from coders_queue.settings.paths import Paths\n"
        "from coders_workers import broker; p = broker.start(Paths(Path(sys.argv[1])))\n"
        "print(p.pid if p else 0)"
    )
    argv = [sys.executable, "-P", "-c", code, str(paths.state)]
    racers = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    started = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert len([pid for pid in started if pid]) == 1
    assert broker.broker_lock(paths).holder() == max(started)


def test_one_name_one_worker() -> None:
    """A second worker of one host name is refused with one line and exit code 4, however asked."""
    with command_line() as one, command_line() as other:
        one.ok("up")
        shared = {"CODERS_BROKER_URL": one.paths.broker_url}
        for words in (["up"], ["worker"], ["run", "shell", "--", "true"]):
            done = other(*words, env=shared)
            assert done.code == 4, done
            lines = [line for line in done.err.splitlines() if "Warning" not in line]
            assert "another worker serves host" in lines[0], done.err
            assert "CODERS_HOST_NAME" in lines[1], done.err
            assert "Traceback" not in done.err
        assert one.ok("status", "--json").json["degraded"] is False
        other.ok("up", env={**shared, "CODERS_HOST_NAME": "other"})


def test_up_and_down_race() -> None:
    """Many ``coders up`` at once are one stack, and ``down`` during them leaves nothing odd."""
    with command_line() as one:
        ups = [one.start("up", "--json") for _ in range(4)]
        for up in ups:
            out, err = up.communicate(timeout=90)
            assert up.returncode == 0, (out, err)
        workers = [words for words in one.processes().values() if "coders_workers worker" in words]
        assert len(workers) == 1
        _sessions_through_down(one)


def _sessions_through_down(one: CommandLine) -> None:
    starts = [
        one.start("spawn", "shell", "--json", "--name", f"n{n}", "--", "sleep", "60")
        for n in range(8)
    ]
    down = one.start("down")
    down.communicate(timeout=90)
    for start in starts:
        _, err = start.communicate(timeout=90)
        assert b"Traceback" not in err, err
    one.ok("up")
    told = one.ok("ls", "--json").json
    assert all(session["state"] in ("running", "starting", "assigned") for session in told)
    for session in told:
        one("kill", session["id"])
    assert os.path.exists(one.paths.host_socket)  # noqa: PTH110
