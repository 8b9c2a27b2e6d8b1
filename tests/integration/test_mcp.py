"""A session's MCP server against the protocol's own client, and against one that is off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from coders_queue import errors
from coders_queue.in_session import mcp_server, table
from coders_queue.in_session.access import SOCKET, TOKEN
from support.inside import CODERS, access_of
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.tmux, pytest.mark.broker]

MODULE = ["-E", "-P", "-m", "coders_queue.in_session.mcp_server"]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with local_stack() as one:
        one.start_broker()
        one.start_worker()
        yield one


@pytest.fixture(scope="module")
def session_id(stack: LocalStack) -> Iterator[str]:
    """A session that does nothing."""
    spec = {"agent": "shell", "argv": ("sleep", "120")}
    found = stack.ask("spawn", spec=spec, cwd="/tmp")["id"]
    yield found
    with contextlib.suppress(errors.Conflict):
        stack.ask("kill", ref=found)


def file_of(stack: LocalStack, session_id: str) -> str:
    return str(stack.paths.sessions / session_id / "1" / "access.json")


def test_the_protocols_own_client_finds_and_calls_the_tools(
    stack: LocalStack, session_id: str
) -> None:
    """As ``coders mcp`` with nothing but the session's variables: names, schemas, a call whose
    answer is data, and one that is refused as a tool's error."""
    own = access_of(stack.paths, session_id)
    environ = {SOCKET: own.socket, TOKEN: own.token, "PATH": "/usr/bin:/bin"}
    server = StdioServerParameters(command=CODERS, args=["mcp"], env=environ)

    async def talk() -> None:
        async with (
            stdio_client(server) as (reader, writer),
            ClientSession(reader, writer) as client,
        ):
            told = await client.initialize()
            assert told.server_info.name == "coders"
            assert told.instructions == mcp_server.INSTRUCTIONS
            await client.send_ping()
            offered = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(offered) == set(table.SUMMARIES)
            assert offered["finish"].input_schema == table.load("finish").schema()
            who = await client.call_tool("whoami", {})
            assert who.structured_content is not None
            assert who.structured_content["id"] == session_id
            off = await client.call_tool("progress", {"text": "a", "percent": 101})
            assert off.is_error
            assert "'percent' must be a number from 0 to 100" in off.content[0].text
            assert not (await client.call_tool("progress", {"text": "by mcp"})).is_error

    asyncio.run(asyncio.wait_for(talk(), 30))
    said = eventually(lambda: (stack.ask("show", ref=session_id)["activity"] or {}).get("said"), 10)
    assert said["text"] == "by mcp"


class Client:
    """A client that may send anything."""

    def __init__(self, file: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *MODULE, file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "/nowhere"},
        )

    def say(self, *messages: Any) -> None:
        assert self.process.stdin is not None
        for one in messages:
            line = one if isinstance(one, bytes) else json.dumps(one).encode()
            self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def close(self) -> bytes:
        """Hang up; what it had still said."""
        out, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        return out


@pytest.fixture
def client(stack: LocalStack, session_id: str) -> Iterator[Client]:
    one = Client(file_of(stack, session_id))
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


def call(number: int, name: str, /, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def test_what_is_no_message_is_refused_and_the_rest_goes_on(client: Client) -> None:
    """Garbage, batches, unknown methods and tools each get an error of the protocol's."""
    client.say(b"{", [], {"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, b"")
    codes = [client.hear()["error"]["code"] for _ in range(3)]
    assert codes == [-32700, -32600, -32601]
    client.say(call(2, "../whoami"), {"method": "notifications/initialized"})
    assert client.hear()["error"]["code"] == -32602
    client.say({"id": 3, "method": "initialize", "params": {"protocolVersion": "1999-01-01"}})
    assert client.hear()["result"]["protocolVersion"] == mcp_server.REVISIONS[0]
    client.say(call(4, "whoami"))
    assert client.hear()["result"]["isError"] is False
    assert client.close() == b""


def test_a_server_of_a_session_that_is_over_says_so(stack: LocalStack) -> None:
    """At its start, and at each call when it ends while the server runs."""
    spec = {"agent": "shell", "argv": ("sleep", "60")}
    ending = stack.ask("spawn", spec=spec, cwd="/tmp")["id"]
    file = file_of(stack, ending)
    client = Client(file)
    client.say(call(1, "whoami"))
    assert client.hear()["result"]["isError"] is False
    stack.ask("kill", ref=ending)
    eventually(lambda: not Path(file).exists(), 10)
    client.say(call(2, "whoami"))
    told = client.hear()["result"]
    assert told["isError"]
    assert "is over" in told["content"][0]["text"]
    assert client.close() == b""
    again = subprocess.run([sys.executable, *MODULE, file], capture_output=True, timeout=20)
    assert again.returncode == 4
    assert again.stderr.count(b"\n") == 1


def test_many_calls_at_once_are_all_answered(client: Client) -> None:
    """More than a session's share are answered in their turn, none is lost."""
    numbers = list(range(100, 180))
    threading.Thread(
        target=lambda: client.say(*(call(n, "progress", text=str(n)) for n in numbers))
    ).start()
    heard = [client.hear() for _ in numbers]
    assert sorted(one["id"] for one in heard) == numbers
    assert not [one for one in heard if one["result"]["isError"]]
