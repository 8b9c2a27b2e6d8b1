"""A host whose broker is away: it goes on alone, says so, and tells all of it afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coders_queue.client.client import Coders
from coders_workers import broker, stack
from support import steady_agent
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: The longest that a silent broker may hold up any command, seconds, beside its own time.
MOST = 3.0


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where the agent writes down what it does."""
    return tmp_path


@pytest.fixture
def coders(tmp_path_factory: pytest.TempPathFactory, work: Path) -> Iterator[CommandLine]:
    """A stack with an agent that can be resumed."""
    config = tmp_path_factory.mktemp("config")
    steady_agent.describe(config / "coders" / "agents", work)
    environ = {"XDG_CONFIG_HOME": str(config), "CODERS_RESTART_BACKOFF": "0.2"}
    with command_line(environ) as one:
        one.ok("up")
        yield one
        one.ok("up")
        one.at_rest()
        assert one.agents() == {}


@contextmanager
def silent(coders: CommandLine) -> Iterator[None]:
    """The broker takes connections and answers nothing, as behind a black hole."""
    server = broker.broker_lock(coders.paths).holder()
    assert server is not None
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def told(coders: CommandLine) -> None:
    """Wait until the broker knows all."""
    eventually(lambda: not coders.ok("status", "--json").json["degraded"])


def test_every_command_goes_on_without_a_broker(coders: CommandLine) -> None:
    """None is held up for long, each says how things are, and nothing is lost or doubled."""
    before = coders.spawn_shell("cat", options=("--name", "before", "--interactive"))
    # what a command takes on this machine just now, which may be busy
    took: dict[str, float] = {}
    began = time.monotonic()
    coders.ok("ls")
    usual = time.monotonic() - began

    def timed(*words: str) -> str:
        began = time.monotonic()
        done = coders(*words)
        took[words[0]] = max(took.get(words[0], 0.0), time.monotonic() - began)
        assert done.code == 0, (words, done.text, done.err)
        assert "degraded" in done.err or words[0] == "status", (words, done.err)
        return done.text

    with silent(coders):
        inside = timed("spawn", "shell", "--name", "inside", "--", "sh", "-c", "echo in; sleep 600")
        assert {"before", "inside"} <= set(timed("ls").split())
        assert "in" in timed("logs", "inside")
        timed("send", "--raw", "before", "typed")
        eventually(lambda: "typed" in timed("logs", "before"))
        timed("kill", "inside")
        short = timed("run", "shell", "--json", "--", "echo", "short")
        assert '"output": "short' in short
        away = coders.ok("status", "--json").json
        assert away["degraded"] is True
        assert away["away"]["journal"] > 0
    told(coders)
    assert max(took.values()) < MOST + 8 * usual + 1.0, (took, usual)
    assert coders("result", inside.strip(), "--json").json["state"] == "cancelled"
    assert coders.ok("show", before, "--json").json["state"] == "running"
    coders.ok("kill", before)
    listed = coders.ok("ls", "--all", "--json").json
    assert Counter(one["state"] for one in listed) == {"cancelled": 2, "succeeded": 1}
    with Coders(state_dir=coders.paths.state, start=False) as client:
        # Celery has them, too
        result = client.app.AsyncResult(inside.strip())
        assert result.get(timeout=30)["state"] == "cancelled"
        kinds = Counter(
            event.kind for event in client.store.events() if event.session == inside.strip()
        )
    assert max(kinds.values()) == 1, kinds


def test_a_crashed_agent_is_restarted_without_a_broker(coders: CommandLine, work: Path) -> None:
    """In its conversation; the broker hears of both attempts."""
    session = coders.ok("spawn", "steady", "work 6 0.3 fall 1").text.strip()
    with silent(coders):
        eventually(lambda: len(steady_agent.ledger(work)) == 6)
        eventually(lambda: coders("show", session, "--json").json["state"] == "succeeded", 30)
    told(coders)
    shown = coders.ok("result", session, "--json").json
    assert (shown["attempts"], shown["result"]) == (2, "6 steps")
    assert [number for _, number, _ in steady_agent.ledger(work)] == [1, 2, 3, 4, 5, 6]


def test_a_worker_that_starts_alone_knows_its_sessions(coders: CommandLine) -> None:
    """It finds them as they are, ends and begins others, and tells it all."""
    url = coders.paths.broker_url
    elsewhere = {"CODERS_BROKER_URL": url}
    os.kill(coders.worker_pid(), signal.SIGTERM)
    eventually(lambda: stack.worker_lock(coders.paths).holder() is None)
    coders.ok("up", env=elsewhere)
    session = coders.ok("spawn", "shell", "--", "sleep", "600", env=elsewhere).text.strip()
    eventually(lambda: (coders.paths.state / "host.sqlite").exists())
    time.sleep(2.5)  # until the copy has it
    os.kill(coders.worker_pid(), signal.SIGKILL)
    with silent(coders):
        done = coders("up", env=elsewhere, timeout=60)
        assert done.code == 0, done.err
        assert coders("show", session, "--json", env=elsewhere).json["state"] == "running"
        other = coders("run", "shell", "--json", "--", "echo", "alone", env=elsewhere)
        assert other.json["output"] == "alone\n"
        coders.ok("kill", session, env=elsewhere)
    eventually(lambda: not coders.ok("status", "--json", env=elsewhere).json["degraded"])
    assert coders("result", session, "--json", env=elsewhere).json["state"] == "cancelled"
    assert (
        coders.ok("result", other.json["id"], "--json", env=elsewhere).json["output"] == "alone\n"
    )
    coders.ok("down")
