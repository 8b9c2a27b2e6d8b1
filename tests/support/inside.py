"""A shell agent that calls its session's verbs, and a caller on a session's socket as a test is."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from pathlib import Path
from typing import Any

from coders_queue import wire
from coders_queue.in_session import access
from coders_queue.in_session.access import Access
from coders_queue.settings.paths import Paths

CODERS = str(Path(sys.executable).with_name("coders"))


def script(*lines: str) -> tuple[str, ...]:
    """The argv of a shell agent; ``here`` in a line is ``coders here``."""
    return ("sh", "-c", "\n".join((f'here() {{ {shlex.quote(CODERS)} here "$@"; }}', *lines)))


def access_of(paths: Paths, session_id: str, attempt: int = 1) -> Access:
    """What a live session's agent has in its environment."""
    return access.from_file(str(paths.sessions / session_id / str(attempt) / "access.json"))


def ask(own: Access, verb: str, /, **params: Any) -> dict[str, Any]:
    """A request as an agent makes it, once."""
    return access.call(own, verb, params, timeout=30, patience=0)


def raw(own: Access, data: bytes, timeout: float = 20.0) -> dict[str, Any] | None:
    """What comes back for these bytes; None when the host hangs up without a word."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(own.socket)
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR) if not data.endswith(b"\n") else None
            line = connection.makefile("rb").readline(wire.MAX_LINE)
        except (BrokenPipeError, ConnectionResetError):
            return None
    found: dict[str, Any] | None = json.loads(line) if line else None
    return found
