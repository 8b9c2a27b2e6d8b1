"""A worker for tests of the command line: it answers on the host's socket as the test says."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coders_queue import errors, wire
from coders_queue.settings.paths import Paths

#: Gives the parts of an answer; its return value is the final one. Raising is answering, too.
Answer = Callable[[dict[str, Any]], Any]

SESSION_ID = "3f2a9c1e-0000-4000-8000-000000000001"


def session(**changes: Any) -> dict[str, Any]:
    """A session object that has succeeded, but for ``changes``."""
    return {
        "id": SESSION_ID,
        "name": "fix",
        "agent": "shell",
        "version": None,
        "state": "succeeded",
        "attempts": 1,
        "host": "here",
        "owner": "me",
        "labels": {},
        "mode": "headless",
        "cwd": "/repo",
        "created_at": 1_700_000_000.0,
        "started_at": 1_700_000_001.0,
        "ended_at": 1_700_000_013.0,
        "pid": None,
        "cancel_reason": None,
        "exit_code": 0,
        "signal": None,
        "cause": None,
        "result": None,
        "output": "",
        "output_truncated": False,
        "usage": None,
        "conversation_id": None,
        "workspace": None,
        "archived": [1],
        "correlation_id": "c",
        **changes,
    }


RUNNING = {"state": "running", "ended_at": None, "exit_code": None, "pid": 42}


class HangUp(Exception):
    """Close the connection in the middle of an answer, as a killed worker does."""


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    # handler threads of a test that has ended must not be waited for
    block_on_close = False
    host: FakeHost


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        host = self.server.host
        request = wire.decode(self.rfile.readline())
        host.requests.append(request)
        try:
            final = self._parts(host.answer_to(request))
            self.wfile.write(wire.encode({"ok": final}))
        except errors.CodersError as error:
            self.wfile.write(wire.encode({"error": error.to_wire()}))
        except (HangUp, BrokenPipeError, ConnectionResetError):
            return

    def _parts(self, answer: Any) -> dict[str, Any]:
        if isinstance(answer, dict):
            return answer
        while True:
            try:
                part = next(answer)
            except StopIteration as stop:
                final: dict[str, Any] = stop.value or {}
                return final
            self.wfile.write(wire.encode({"part": part}))


class FakeHost:
    """Listens where a worker would; remembers what it was asked."""

    def __init__(self, state: Path) -> None:
        self.paths = Paths(state)
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {
            "spawn": session(**RUNNING),
            "wait": session(),
            "result": session(),
            "ls": {"sessions": [session()]},
            "logs": {"state": "succeeded"},
        }
        self._server: _Server | None = None

    def start(self) -> FakeHost:
        """Begin to listen."""
        path = self.paths.host_socket
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._server = _Server(str(path), _Connection)
        self._server.host = self
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def stop(self, *, leave_socket: bool = False) -> None:
        """Listen no longer. A killed worker leaves its socket behind."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if not leave_socket:
            self.paths.host_socket.unlink(missing_ok=True)

    def answer_to(self, request: dict[str, Any]) -> Any:
        """The scripted answer: a dict, a function of the params, or an error to raise."""
        answer = self.answers.get(request["verb"], {})
        if callable(answer) and not isinstance(answer, type):
            answer = answer(request["params"])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def asked(self, verb: str) -> dict[str, Any]:
        """The params of the last request with this verb."""
        found: dict[str, Any] = [r for r in self.requests if r["verb"] == verb][-1]["params"]
        return found

    @property
    def spec(self) -> dict[str, Any]:
        """The specification of the last spawn."""
        found: dict[str, Any] = self.asked("spawn")["spec"]
        return found
