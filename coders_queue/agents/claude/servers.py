"""The session's own MCP server, for Claude Code: a file beside the user's servers.

The file is added to what the user has (``--mcp-config``), and the server's tools are allowed by its
name, so that nobody is asked about them. Where the user has given the name to another server, the
session's gets a longer one.
"""

from __future__ import annotations

import json

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.claude import home
from coders_queue.agents.session_server import name_beside
from coders_queue.models.launch import SeedFile

FILE = "claude-mcp.json"


def options(facts: LaunchFacts) -> tuple[str, ...]:
    """The words of the command line."""
    if not facts.mcp:
        return ()
    return (
        f"--mcp-config={facts.directory}/{FILE}",
        f"--allowedTools=mcp__{_name(facts)}",
    )


def seeds(facts: LaunchFacts) -> tuple[SeedFile, ...]:
    """The file that they name."""
    if not facts.mcp:
        return ()
    command, *words = facts.mcp
    # its tools are there from the first turn on, and never have to be searched for (2.1.121)
    server = {"type": "stdio", "command": command, "args": words, "alwaysLoad": True}
    content = json.dumps({"mcpServers": {_name(facts): server}}).encode()
    return (SeedFile(path=FILE, content=content),)


def _name(facts: LaunchFacts) -> str:
    return name_beside(home.users_servers(facts))
