"""The verbs as tools of an MCP server on standard input and output, for an agent's CLI to start.

``python -m coders_queue.in_session.mcp_server FILE`` for a session's own configuration, ``coders
mcp`` by hand. One runs beside each agent, so it is small: the standard library, and no more of the
protocol than tools need (initialize, ping, tools/list, tools/call; JSON-RPC, one message a line).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from coders_queue import errors
from coders_queue.in_session import access, table
from coders_queue.in_session.access import Access

#: Revisions of the protocol whose words for tools are these, newest first.
REVISIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
#: Of the server and its tools, as it tells clients.
VERSION = "1"
#: What the client puts before its model.
INSTRUCTIONS = (
    "You run as a session of coders, which people watch from outside. Report milestones of long "
    "work with progress. When your task asks for it, or its result is data, declare it with finish."
)
#: The longest message taken, bytes.
LARGEST = 4 * 1024 * 1024
#: Seconds between two signs of life while a tool waits.
_ALIVE = 10.0

_PARSE, _REQUEST, _METHOD, _PARAMS = -32700, -32600, -32601, -32602

Message = dict[str, Any]


class McpServer:
    """Answers one client."""

    def __init__(self, find: Callable[[], Access], out: BinaryIO) -> None:
        """``find`` tells where the session's host is reached; asked at each call."""
        self._find = find
        self._out = out
        self._lock = threading.Lock()
        self._cancelled: set[Any] = set()

    def serve(self, source: BinaryIO) -> None:
        """Answer until the client closes its end."""
        while line := source.readline(LARGEST):
            if line.strip():
                self.take(line)

    def leave(self) -> None:
        """End the process, whatever tools still wait for: nobody is there to hear of it."""
        with self._lock:
            self._out.flush()
            os._exit(0)

    def take(self, line: bytes) -> None:
        """One message of the client's."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._write(_refused(None, _PARSE, "this is not JSON"))
            return
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            self._write(_refused(None, _REQUEST, "this is no request"))
            return
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        method, number = message["method"], message.get("id")
        if number is None:
            if method == "notifications/cancelled":
                self._cancelled.add(_key(params.get("requestId")))
        elif method == "tools/call":
            # on a thread: a tool that waits holds up no other
            threading.Thread(target=self._call, args=(number, params), daemon=True).start()
        else:
            self._write(self._answer(method, number, params))

    def _answer(self, method: str, number: Any, params: Message) -> Message:
        if method == "initialize":
            asked = params.get("protocolVersion")
            return _result(
                number,
                {
                    "protocolVersion": asked if asked in REVISIONS else REVISIONS[0],
                    "capabilities": {"tools": {"listChanged": False}},
                    "serverInfo": {"name": "coders", "version": VERSION},
                    "instructions": INSTRUCTIONS,
                },
            )
        if method == "ping":
            return _result(number, {})
        if method == "tools/list":
            return _result(number, {"tools": tools()})
        return _refused(number, _METHOD, f"there is no method {method[:60]!r}")

    def _call(self, number: Any, params: Message) -> None:
        name, given = params.get("name"), params.get("arguments") or {}
        if name not in table.SUMMARIES or not isinstance(given, dict):
            self._write(_refused(number, _PARAMS, f"there is no tool {str(name)[:60]!r}"))
            return
        over = threading.Event()
        about = params.get("_meta")
        token = about.get("progressToken") if isinstance(about, dict) else None
        if token is not None and table.load(name).holds:
            threading.Thread(target=self._live, args=(token, over), daemon=True).start()
        try:
            told = _told(self._carried(name, given))
        except errors.CodersError as error:
            told = _failed(str(error))
        except Exception as error:  # noqa: BLE001 - the client is to hear of it, and others go on
            told = _failed(f"{type(error).__name__}: {error}")
        over.set()
        if _key(number) in self._cancelled:
            self._cancelled.discard(_key(number))
        else:
            self._write(_result(number, told))

    def _carried(self, name: str, given: Mapping[str, Any]) -> Message:
        verb = table.load(name)
        params = verb.checked(given)
        return access.call(self._find(), name, params, timeout=verb.patience)

    def _live(self, token: Any, over: threading.Event) -> None:
        """Tell the client from time to time that its call goes on: some give up else."""
        count = 0
        while not over.wait(_ALIVE):
            count += 1
            params = {"progressToken": token, "progress": count}
            self._write({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def _write(self, message: Message) -> None:
        data = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock:
            try:
                self._out.write(data)
                self._out.flush()
            except (BrokenPipeError, ValueError):  # the client is gone
                os._exit(0)


def tools() -> list[Message]:
    """The verbs as tools."""
    return [
        {
            "name": verb.name,
            "title": table.SUMMARIES[verb.name],
            "description": verb.about,
            "inputSchema": verb.schema(),
            "annotations": {
                "readOnlyHint": verb.reads,
                "destructiveHint": False,
                "openWorldHint": False,
            },
        }
        for verb in table.all_verbs()
    ]


def main(words: Sequence[str] | None = None) -> int:
    """Serve the session that the file, or else the environment, names."""
    given = list(sys.argv[1:] if words is None else words)

    def find() -> Access:
        return access.from_file(given[0]) if given else access.from_environment(os.environ)

    try:
        find()
    except errors.CodersError as error:
        print(f"coders: error: {error}", file=sys.stderr)
        return error.exit_code
    server = McpServer(find, sys.stdout.buffer)
    server.serve(sys.stdin.buffer)
    server.leave()
    return 0


def _told(answer: Mapping[str, Any]) -> Message:
    text = json.dumps(answer, ensure_ascii=False) if answer else "done"
    return {
        "content": [{"type": "text", "text": text}],
        "structuredContent": dict(answer),
        "isError": False,
    }


def _failed(what: str) -> Message:
    return {"content": [{"type": "text", "text": f"error: {what}"}], "isError": True}


def _result(number: Any, result: Message) -> Message:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _refused(number: Any, code: int, message: str) -> Message:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _key(number: Any) -> str:
    """A request's id, told apart from another of another type, whatever it is."""
    return json.dumps(number)


if __name__ == "__main__":
    sys.exit(main())
