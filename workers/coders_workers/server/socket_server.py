"""Accepting, framing and answering on the host's socket. Knows no verb's meaning."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from coders_queue import errors, wire

log = structlog.get_logger(__name__)

#: Answers a request: yields parts, returns the final answer.
Answer = Iterator[dict[str, Any]]
#: ``(verb, params, gone) -> parts``; ``gone()`` tells whether the caller has hung up. The final
#: answer is the generator's return value.
Handler = Callable[[str, dict[str, Any], Callable[[], bool]], Any]

#: What the caller of a verb is to know besides its answer.
Note = Callable[[str], str | None]

#: How long a caller may take to say what it wants, or to take in a part of an answer, seconds.
CALLER_TIMEOUT = 30.0


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 256
    handler: Handler
    note: Note

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("socket_request_failed")


class _Connection(socketserver.StreamRequestHandler):
    timeout = CALLER_TIMEOUT
    server: _Server

    def handle(self) -> None:
        # a caller that hung up needs no answer
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._serve()

    def _serve(self) -> None:
        line = self.rfile.readline(wire.MAX_LINE)
        if not line:
            return
        try:
            if not line.endswith(b"\n"):
                raise errors.UsageError("the request is cut off, or larger than 64 MiB")
            message = wire.decode(line)
            verb, params = str(message.get("verb")), message.get("params") or {}
            if not isinstance(params, dict):
                raise errors.UsageError("'params' must be an object")
            correlation = message.get("correlation")
            if isinstance(correlation, str):
                bind_contextvars(correlation=correlation, verb=verb)
                params.setdefault("correlation", correlation)
            parts = self.server.handler(verb, params, self._gone)
            answer = yield_parts(parts, self._write)
            self._note(verb)
            self._write({"ok": answer})
        except errors.CodersError as error:
            self._write({"error": error.to_wire()})
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            raise
        except Exception as error:
            log.exception("request_failed")
            problem = errors.CodersError(
                f"the worker failed: {type(error).__name__}: {error}", "see its log: coders doctor"
            )
            self._write({"error": problem.to_wire()})

    def _note(self, verb: str) -> None:
        note = self.server.note(verb)
        if note is not None:
            self._write({"note": note})

    def _write(self, message: dict[str, Any]) -> None:
        self.wfile.write(wire.encode(message))

    def _gone(self) -> bool:
        # asked first: a socket with a timeout waits for it even where told not to
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return False
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK) == b"")
        except OSError:
            return True


def yield_parts(parts: Any, write: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Send a generator's parts as they come; its return value is the final answer."""
    while True:
        try:
            part = next(parts)
        except StopIteration as stop:
            answer: dict[str, Any] = stop.value or {}
            return answer
        write({"part": part})


class SocketServer:
    """Listens on the host's socket, which only its user can open."""

    def __init__(self, path: Path, handler: Handler, note: Note = lambda _verb: None) -> None:
        self._path = path
        # a socket left by a killed worker; the worker's lock makes this process the only owner
        path.unlink(missing_ok=True)
        # its directory is private, so nobody can be there first; a umask set for a moment would
        # be that of the sessions which other threads are starting
        self._server = _Server(str(path), _Connection)
        path.chmod(0o600)
        self._server.handler = handler
        self._server.note = note
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="socket"
        )
        self._thread.daemon = True

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no longer; the socket's file goes first, so that nobody finds a dead one."""
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()
