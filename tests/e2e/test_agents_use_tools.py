"""The real CLIs call the tools of their session's own MCP server, each in one run of the system.

Nothing but loopback and the model stub is there; what counts is what the session became of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_workers.conformance.wiring import wiring
from support.agent_install import DEFAULTS
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.model_server import ModelServer
from support.netns import Namespace

pytestmark = [
    pytest.mark.agents,
    pytest.mark.broker,
    pytest.mark.tmux,
    pytest.mark.timeout(180),
]

#: What the model asks for, one after the other.
TASK = "\n".join(
    (
        "TOOL:whoami {}",
        'TOOL:progress {"text": "half of it", "percent": 50}',
        'TOOL:finish {"result": {"verdict": "pass"}}',
    )
)

#: What is asked for before: it tells its model of servers' tools only when that looks for them.
FIRST = {
    "qwen": 'TOOL:tool_search {"query": "select:mcp__coders__whoami,mcp__coders__progress,'
    'mcp__coders__finish"}\n'
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, _model: ModelServer) -> Path:
    """A user's home, in which every tool asks the stub."""
    directory = tmp_path_factory.mktemp("home")
    for tool in DEFAULTS:
        wiring(tool, _model.url).settle(directory)
    return directory


@pytest.fixture(scope="module")
def coders(inside: Namespace, home: Path) -> Iterator[CommandLine]:
    """That user's command line."""
    with command_line({"HOME": str(home)}, tuple(inside.argv([]))) as one:
        yield one


def run(
    coders: CommandLine, tool: str, program: Path, model: ModelServer, *options: str
) -> dict[str, Any]:
    """The session that the task became."""
    environ = {**wiring(tool, model.url).env, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    task = FIRST.get(tool, "") + TASK
    words = [word for key, value in environ.items() for word in ("--env", f"{key}={value}")]
    done = coders(
        "run", tool, "--json", *words, *options, task, cwd=Path(coders.environ["HOME"]), timeout=120
    )
    found: dict[str, Any] = done.json
    return found


@pytest.mark.parametrize("tool", ["claude", "codex", "gemini", "opencode", "qwen"])
def test_each_tool_calls_three_of_them(
    coders: CommandLine, model: ModelServer, agent_program: Callable[..., Path], tool: str
) -> None:
    """Unasked and headless: who it is, how far it is, and a result as data."""
    shown = run(coders, tool, agent_program(tool), model)
    calls = [entry["call"] for entry in model.requests() if entry["call"]]
    told = [entry["tool_results"] or entry["answer"] for entry in model.requests()]
    assert [call.rsplit("_", 1)[-1] for call in calls][-3:] == ["whoami", "progress", "finish"], (
        told
    )
    assert shown["state"] == "succeeded", shown
    assert shown["result"] == {"verdict": "pass"}


@pytest.mark.parametrize("tool", ["claude", "codex", "gemini", "opencode"])
def test_nobody_is_asked_in_the_terminal_either(
    coders: CommandLine, model: ModelServer, agent_program: Callable[..., Path], tool: str
) -> None:
    """Its report shows while it runs, with no question on the way."""
    environ = {
        **wiring(tool, model.url).env,
        "PATH": f"{agent_program(tool).parent}:{os.environ['PATH']}",
    }
    words = [word for key, value in environ.items() for word in ("--env", f"{key}={value}")]
    # in the terminal it does not wait for servers before the first turn, and its model may
    task = "TOOL:WaitForMcpServers {}\n" + TASK if tool == "claude" else TASK
    spawn = ("spawn", tool, "--interactive", *words, task)
    session_id = coders.ok(*spawn, cwd=Path(coders.environ["HOME"]), timeout=120).text.strip()
    try:
        eventually(lambda: any("finish" in (one["call"] or "") for one in model.requests()), 60)
        eventually(lambda: coders.show(session_id)["activity"]["doing"] == "idle", 20)
        said = coders.show(session_id)["activity"]["said"]
        assert (said["text"], said["percent"]) == ("half of it", 50)
    finally:
        coders("kill", session_id)
    assert coders("result", "--json", session_id).json["result"] == {"verdict": "pass"}
