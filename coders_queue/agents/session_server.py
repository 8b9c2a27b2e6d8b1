"""The session's own MCP server in a tool's configuration: its name there, and its patience."""

from __future__ import annotations

from collections.abc import Container

#: What it is called, and so what its tools' names begin with in most CLIs.
NAME = "coders"
#: Seconds that one of its tools may take: some wait for a person, or for other sessions.
TOOL_PATIENCE = 24 * 3600
#: Seconds that it may take to start, on a machine that is busy.
START_PATIENCE = 60


def name_beside(taken: Container[str]) -> str:
    """Its name where the user has servers of these names, none of which is replaced."""
    name = NAME
    while name in taken:
        name += "_session"
    return name
