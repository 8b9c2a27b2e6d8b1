"""The session's own MCP server in each tool's configuration: beside the user's, never instead."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from coders_queue.agents import registry
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.models.launch import LaunchPlan
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

COMMAND = ("/usr/bin/python3", "-m", "server", '/d/it\'s/access "1".json')
USERS = {"mine": {"command": "mine"}, "coders": {"command": "theirs"}}


def plan(agent: str, mode: str, mcp: tuple[str, ...] = COMMAND, **config: bytes) -> LaunchPlan:
    """A plan for somebody whose files hold ``config``, by the ends of their names."""
    adapter = registry.get(agent)
    spec = SessionSpec.model_validate(
        {"agent": agent, "task": "do it", "mode": mode, "workspace": DirectoryWorkspace(path="/w")}
    )
    facts = LaunchFacts(
        session_id="0b7f3a1e-0000-4000-8000-000000000001",
        attempt=1,
        task="do it",
        directory="/a/1",
        cwd="/w",
        home="/home/ada",
        environ={"HOME": "/home/ada"},
        keep="/keep",
        mcp=mcp,
    )
    files = {
        path: content
        for path in adapter.config_files(spec, facts)
        for end, content in config.items()
        if path.endswith(end.replace("_", "."))
    }
    return adapter.plan(spec, facts.model_copy(update={"config": files}))


def servers(agent: str, made: LaunchPlan) -> dict[str, Any]:
    """The servers that the session's files and words name."""
    files = {one.path: one.content for one in made.files}
    if agent == "claude":
        (word,) = [word for word in made.argv if word.startswith("--mcp-config=")]
        told = json.loads(files[word.removeprefix("--mcp-config=/a/1/")])["mcpServers"]
    elif agent == "codex":
        lines = [
            after for word, after in zip(made.argv, made.argv[1:], strict=False) if word == "-c"
        ]
        told = tomllib.loads("\n".join(lines)).get("mcp_servers", {})
    elif agent == "opencode":
        told = json.loads(made.own_env["OPENCODE_CONFIG_CONTENT"]).get("mcp", {})
        told = {k: {"command": v["command"][0], "args": v["command"][1:]} for k, v in told.items()}
    else:
        (name,) = [name for name in files if name.endswith(("/settings.json", "-settings.json"))]
        told = json.loads(files[name]).get("mcpServers", {})
    found: dict[str, Any] = told
    return found


AGENTS = ("claude", "codex", "gemini", "opencode", "qwen")
#: The user's servers where each tool keeps them.
CONFIG: dict[str, dict[str, bytes]] = {
    "claude": {"claude_json": json.dumps({"mcpServers": USERS}).encode()},
    "codex": {"config_toml": b'[mcp_servers.coders]\ncommand = "theirs"\n'},
    "gemini": {"settings_json": json.dumps({"mcpServers": USERS}).encode()},
    "opencode": {"opencode_json": b'{"mcp": {"coders": {"type": "local"}}}'},
    "qwen": {"settings_json": json.dumps({"mcpServers": USERS}).encode()},
}


@pytest.mark.parametrize("mode", ["headless", "interactive"])
@pytest.mark.parametrize("agent", AGENTS)
def test_it_is_there_in_either_mode_and_allowed(agent: str, mode: str) -> None:
    """Its command arrives word for word, and nobody is asked about its tools."""
    made = plan(agent, mode)
    own = servers(agent, made)["coders"]
    assert (own["command"], *own["args"]) == COMMAND
    allowed = {
        "claude": lambda: "--allowedTools=mcp__coders" in made.argv,
        "codex": lambda: own["default_tools_approval_mode"] == "approve",
        "gemini": lambda: own["trust"],
        "opencode": lambda: json.loads(made.own_env["OPENCODE_PERMISSION"])["coders_*"] == "allow",
        "qwen": lambda: own["trust"],
    }
    assert allowed[agent]()


@pytest.mark.parametrize("agent", AGENTS)
def test_the_users_servers_stay_as_they_are(agent: str) -> None:
    """One of the same name is not replaced: the session's gets a longer one."""
    told = servers(agent, plan(agent, "headless", **CONFIG[agent]))
    assert told["coders_session"]["command"] == COMMAND[0]
    if "coders" in told:
        assert told["coders"] == USERS["coders"]
        assert told["mine"] == USERS["mine"]


@pytest.mark.parametrize("agent", AGENTS)
def test_without_one_nothing_is_said_of_servers(agent: str) -> None:
    """Where the settings or the request say so."""
    made = plan(agent, "headless", mcp=())
    assert not [word for word in made.argv if "mcp" in word]
    assert not [one for one in made.files if b"mcpServers" in one.content]
    assert "mcp" not in made.own_env.get("OPENCODE_CONFIG_CONTENT", "")
