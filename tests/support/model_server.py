"""The model stub as a process of its own inside a namespace, and the tests' view of its journal."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.netns import Namespace

_TESTS = Path(__file__).resolve().parents[1]
_START_TIMEOUT = 30.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket: a path is the same in every network namespace."""

    def __init__(self, path: str) -> None:
        super().__init__("stub", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class ModelServer:
    """A running stub."""

    url: str
    """Where agents inside the namespace reach it."""
    control: str
    """Unix socket for the tests."""

    def _call(self, method: str) -> bytes:
        connection = _UnixConnection(self.control)
        try:
            connection.request(method, "/_requests")
            return connection.getresponse().read()
        finally:
            connection.close()

    def journal(self) -> dict[str, Any]:
        """All it was asked since the last :meth:`clear`."""
        found: dict[str, Any] = json.loads(self._call("GET"))
        return found

    def requests(self, operation: str = "messages") -> list[dict[str, Any]]:
        """The requests of one kind that came with tools: the agent's own turns."""
        return [
            entry
            for entry in self.journal()["requests"]
            if entry["operation"] == operation and entry["tools"]
        ]

    def clear(self) -> None:
        """Forget what was asked so far."""
        self._call("DELETE")


@contextmanager
def model_server(inside: Namespace, directory: Path) -> Iterator[ModelServer]:
    """A stub in the namespace; ``directory`` holds its socket and log."""
    control = directory / "stub.sock"
    argv = [sys.executable, "-m", "support.model_stub", "--control", str(control)]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_TESTS)}
    with (directory / "stub.log").open("wb") as log:
        process = subprocess.Popen(
            inside.argv(argv), stdout=subprocess.PIPE, stderr=log, env=environ
        )
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT)
        line = process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"the stub did not start: {(directory / 'stub.log').read_text()}")
        yield ModelServer(**json.loads(line))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        process.stdout.close()
