"""The stack's processes keep each other, and a service manager keeps them all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from coders_queue import keeping
from coders_workers import broker, stack
from coders_workers.process_lock import ProcessLock
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.tmux, pytest.mark.broker, pytest.mark.timeout(240)]

LOCKS: dict[str, Callable[..., ProcessLock]] = {
    "worker": stack.worker_lock,
    "beat": stack.beat_lock,
    "broker": broker.broker_lock,
}


@pytest.fixture
def coders() -> Iterator[CommandLine]:
    with command_line() as one:
        yield one


def _pid(coders: CommandLine, part: str) -> int | None:
    return LOCKS[part](coders.paths).holder()


def _kill(coders: CommandLine, part: str) -> int:
    pid = _pid(coders, part)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: _pid(coders, part) != pid)
    return pid


def _answers(coders: CommandLine) -> bool:
    worker = coders("status", "--json").json["worker"]
    return worker is not None and worker["pid"] == _pid(coders, "worker")


def test_whoever_dies_is_started_again(coders: CommandLine) -> None:
    """`kill -9` for worker, beat and broker, one after the other: each is back by itself, the
    session goes on, and the status tells of it."""
    session_id = coders.spawn_shell("sleep", "600")
    agent = coders.show(session_id)["pid"]
    eventually(lambda: keeping.wanted(coders.paths))
    for part in ("worker", "beat", "broker"):
        before = _kill(coders, part)
        eventually(lambda part=part, before=before: _pid(coders, part) not in (None, before))
        eventually(lambda: _answers(coders))
    eventually(lambda: coders("status", "--json").json["degraded"] is False)
    shown = coders.show(session_id)
    assert (shown["state"], shown["pid"], shown["alive"]) == ("running", agent, True)
    kept = {one["part"]: one["restarts"] for one in coders.ok("status", "--json").json["kept"]}
    assert kept.keys() == {"worker", "beat", "broker"}
    assert "was started again" in coders.ok("status").text
    assert coders.run_shell("true")["state"] == "succeeded"


def test_nothing_comes_back_after_down(coders: CommandLine) -> None:
    """Though somebody had died just before, and was about to be started again."""
    assert coders.run_shell("true")["state"] == "succeeded"
    coders.at_rest()
    _kill(coders, "worker")
    coders.ok("down")  # the terminal server, which held nothing, goes as well
    assert not keeping.wanted(coders.paths)
    eventually(lambda: not coders.processes(), 20)


def test_told_not_to_keep(coders: CommandLine) -> None:
    """With `host.keep` off, who dies stays dead until somebody asks."""
    coders.ok("up", env={"CODERS_HOST_KEEP": "false"})
    assert not keeping.wanted(coders.paths)
    _kill(coders, "worker")
    coders.ok("up", env={"CODERS_HOST_KEEP": "false"})
    assert coders.ok("status", "--json").json["kept"] == []


@pytest.mark.parametrize("way", ["signal", "down"])
def test_the_service_ends_all_but_sessions(coders: CommandLine, way: str) -> None:
    """In the foreground it keeps the stack; told to end it ends with 0, and the agents stay."""
    with coders.start("service", "run") as service:
        eventually(lambda: coders("status", "--json").json["worker"] is not None)
        session_id = coders.spawn_shell("sleep", "600")
        agent = coders.show(session_id)["pid"]
        before = _kill(coders, "beat")
        eventually(lambda: _pid(coders, "beat") not in (None, before))
        if way == "signal":
            service.send_signal(signal.SIGTERM)
        else:
            coders.ok("down")
        assert service.wait(60) == 0
    assert all(_pid(coders, part) is None for part in LOCKS)
    os.kill(agent, 0)
    coders.ok("up")
    eventually(lambda: coders.show(session_id)["alive"] is True)
