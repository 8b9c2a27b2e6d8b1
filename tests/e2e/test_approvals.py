"""Real agents ask for leave, and are answered from the queue: four CLIs against the model stub.

Nothing but loopback and the model stub is there. What is looked at is what they did.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_workers.conformance.wiring import wiring
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.model_server import ModelServer
from support.netns import Namespace

pytestmark = [
    pytest.mark.agents,
    pytest.mark.broker,
    pytest.mark.tmux,
    pytest.mark.timeout(240),
]

TOOLS = ("claude", "codex", "gemini", "opencode")


@pytest.fixture(scope="module")
def coders(
    inside: Namespace,
    _model: ModelServer,
    agent_program: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CommandLine]:
    """A newcomer's command line with all of them on PATH, at the stub."""
    home, environ = tmp_path_factory.mktemp("home"), {}
    for tool in TOOLS:
        environ |= wiring(tool, _model.url).settle(home)
    programs = [str(agent_program(tool).parent) for tool in TOOLS]
    environ["PATH"] = ":".join([*programs, os.environ["PATH"]])
    with command_line(environ, tuple(inside.argv([]))) as one:
        yield one
        one.at_rest()
        assert one.agents() == {}


def waiting(coders: CommandLine, session: str) -> dict[str, Any] | None:
    """What the session waits for."""
    found = coders.ok("approvals", "ls", "--json").json["approvals"]
    return next((one for one in found if one["session"] == session), None)


@pytest.mark.parametrize("tool", TOOLS)
def test_leave_is_given_once_and_refused_once(
    coders: CommandLine, model: ModelServer, tmp_path: Path, tool: str
) -> None:
    """The command that was approved has run, the one that was denied has not, and the agent is
    told why; all of it is in the log of events."""
    yes, no = tmp_path / "yes", tmp_path / "no"
    words = ("spawn", tool, "--interactive", "--name", tool)
    if tool == "opencode":  # asks for nothing by itself
        words = (*words, "--permission", "edit")
    session = coders.ok(*words, f"ESC RUNTOOL:touch {yes}", cwd=tmp_path).text.strip()
    eventually(lambda: waiting(coders, session), 60)
    asked = waiting(coders, session)
    assert asked is not None
    assert (asked["kind"], asked["call"]["command"]) == ("permission", f"touch {yes}")
    assert asked["call"]["whole"]
    assert not yes.exists()
    coders.ok("approve", tool)
    eventually(yes.exists, 20)

    coders.ok("send", "--timeout", "60", tool, f"ESC RUNTOOL:touch {no}")
    eventually(lambda: waiting(coders, session), 60)
    done = coders("deny", tool, "--because", "SAY:another way then")
    assert (done.code, "warning" in done.err) == (0, False), done
    eventually(lambda: "another way then" in str(model.requests()[-1]), 30)
    assert waiting(coders, session) is None
    assert not no.exists()
    events = coders.ok("show", "--json", tool).json["events"]
    kinds = [one["kind"] for one in events if one["kind"].startswith("approval.")]
    one = [f"approval.{word}" for word in ("opened", "claimed", "pressed", "answered")]
    assert kinds == [*one, *one]
    coders.ok("kill", tool)
