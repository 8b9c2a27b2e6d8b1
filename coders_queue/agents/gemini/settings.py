"""Settings files of Gemini CLI and its forks: JSON with comments, laid over one another.

Reads and merges; which settings a session needs is :mod:`home`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from coders_queue.agents.session_server import TOOL_PATIENCE, name_beside

#: A string, which may hold what looks like a comment, or a comment.
_PART = re.compile(rb'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


class Unreadable(ValueError):
    """The file is no JSON object, with or without comments."""


def parse(content: bytes) -> dict[str, Any]:
    """What a settings file says. Raises Unreadable."""
    text = _PART.sub(lambda match: match[1] or b" ", content.removeprefix(b"\xef\xbb\xbf"))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("not a JSON object") from None
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def lay_over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """``base`` with what ``top`` says instead; objects are laid over one another in turn."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = lay_over(below, value)
        else:
            merged[key] = value
    return merged


def at(settings: dict[str, Any], *path: str) -> Any:
    """The value at a path of keys; None when there is none."""
    value: Any = settings
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def with_server(settings: dict[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """With the session's own MCP server beside those that are there, trusted; nothing for none."""
    if not command:
        return settings
    servers = settings.get("mcpServers")
    servers = servers if isinstance(servers, dict) else {}
    server = {
        "command": command[0],
        "args": list(command[1:]),
        "trust": True,
        "timeout": TOOL_PATIENCE * 1000,
    }
    return {**settings, "mcpServers": {**servers, name_beside(servers): server}}


def dump(settings: dict[str, Any]) -> bytes:
    """As a file."""
    return json.dumps(settings, indent=2).encode() + b"\n"
