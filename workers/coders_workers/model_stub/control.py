"""A stub that runs, seen by those who test with it: journal, script and timeline.

Over a Unix socket, whose path is the same in every network namespace.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any

#: Operations that are the agent's own turns, not look-ups.
TURNS = ("messages", "responses", "chat", "generateContent", "streamGenerateContent")

_TIMEOUT = 10.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("stub", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Stub:
    """A running stub."""

    url: str
    """Where agents reach the model services."""
    ollama_url: str
    """Where they reach Ollama."""
    control: str
    """Path of the Unix socket for this class."""

    def journal(self) -> dict[str, Any]:
        """All it was asked since the last :meth:`clear`: ``requests`` and ``strays``."""
        found: dict[str, Any] = self._call("GET", "/_requests")
        return found

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The requests (of one kind) that came with tools: the agent's own turns."""
        wanted = TURNS if operation is None else (operation,)
        return [
            entry
            for entry in self.journal()["requests"]
            if entry["operation"] in wanted and entry["tools"]
        ]

    def prompts(self) -> list[str]:
        """The prompts of the agent's own turns, without those that bring a tool's result."""
        return [one["prompt"] for one in self.requests() if not one["tool_results"]]

    def tokens(self) -> dict[str, int]:
        """The sum of what it claimed that all its answers cost, in the project's words."""
        total: dict[str, int] = {}
        for entry in self.journal()["requests"]:
            for name, number in entry["tokens"].items():
                total[name] = total.get(name, 0) + number
        return total

    def timeline(self) -> list[dict[str, Any]]:
        """From when on it was doing what, oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "/_timeline")
        return found

    def doing(self, at: float) -> str:
        """What it was doing at ``at``, epoch seconds."""
        return str(self._call("GET", f"/_timeline?at={at!r}")["doing"])

    def script(self, match: str, behaviour: str, times: int | None = None) -> None:
        """Treat prompts that contain ``match`` as if they said ``behaviour``."""
        rule = {"match": match, "behaviour": behaviour, "times": times}
        self._call("POST", "/_script", rule)

    def clear(self) -> None:
        """Forget what was asked and scripted so far."""
        self._call("DELETE", "/_requests")
        self._call("DELETE", "/_script")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = _UnixConnection(self.control)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"the model stub answers {method} {path} with {answer.status}")
        return json.loads(text) if text else None
