"""The Anthropic Messages API: ``POST /v1/messages`` (whole or streamed) and ``count_tokens``.

Owns that API's spelling; what to answer is decided by :mod:`support.model_stub.script`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

from aiohttp import web

from support.model_stub.journal import Entry, Journal
from support.model_stub.script import Action, CallShell, ReadFile, Refuse, Say, decide

#: What coding agents wrap around things that the person did not type.
_REMINDER = re.compile(r"\s*<system-reminder>.*?</system-reminder>\s*\Z", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHELL_TOOL, _READ_TOOL = "Bash", "Read"
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}

Blocks = list[dict[str, Any]]


def add_routes(app: web.Application, journal: Journal) -> None:
    """Serve the API from ``app``."""
    numbers = itertools.count(1)

    async def messages(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        entry = journal.write(_entry(request, body, "messages"))
        action = decide(entry.prompt, tool_result=bool(entry.tool_results))
        if isinstance(action, CallShell | ReadFile) and not entry.tools:
            # side requests of the agent (titles, summaries) repeat the prompt but bring no tools
            action = Say("No tools, no call.")
        if isinstance(action, Refuse):
            entry.status = action.status
            return _refusal(action.status)
        number = next(numbers)
        block = _block(action, number)
        entry.usage = _usage(body, block)
        message = {
            "id": f"msg_stub_{number:06}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": entry.usage,
        }
        stop = "tool_use" if block["type"] == "tool_use" else "end_turn"
        if not body.get("stream"):
            return web.json_response({**message, "content": [block], "stop_reason": stop})
        return await _stream(request, message, block, stop, action)

    async def count_tokens(request: web.Request) -> web.Response:
        body = await request.json()
        entry = journal.write(_entry(request, body, "count_tokens"))
        entry.usage = {"input_tokens": _usage(body, {})["input_tokens"]}
        return web.json_response(entry.usage)

    app.router.add_post("/v1/messages", messages)
    app.router.add_post("/v1/messages/count_tokens", count_tokens)
    # the CLI's way of asking whether the service is there
    app.router.add_route("HEAD", "/", _alive)


async def _alive(_: web.Request) -> web.Response:
    return web.Response()


def _blocks(message: dict[str, Any]) -> Blocks:
    content = message.get("content", "")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _texts(blocks: Blocks) -> list[str]:
    texts = [str(block["text"]) for block in blocks if block.get("type") == "text"]
    return [text for text in texts if not _REMINDER.match(text)]


def _result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content)


def _entry(request: web.Request, body: dict[str, Any], operation: str) -> Entry:
    messages = body.get("messages", [])
    prompt, results = "", []
    for message in messages:
        if message.get("role") != "user":
            continue
        blocks = _blocks(message)
        results = [_result_text(b) for b in blocks if b.get("type") == "tool_result"]
        texts = _texts(blocks)
        if texts and not results:
            prompt = texts[-1]
    history = [
        {"role": str(m.get("role")), "text": "\n".join(_texts(_blocks(m)))} for m in messages
    ]
    # the session's id stands at the end of an opaque user id
    user = json.dumps(body.get("metadata", {}).get("user_id", ""))
    found = _UUID.findall(user)
    header = request.headers.get("X-Claude-Code-Session-Id")
    return Entry(
        api="anthropic",
        operation=operation,
        model=str(body.get("model")),
        prompt=prompt,
        history=history,
        tools=[str(tool.get("name")) for tool in body.get("tools", [])],
        session=header or (found[-1] if found else None),
        tool_results=results,
    )


def _usage(body: dict[str, Any], block: dict[str, Any]) -> dict[str, int]:
    """Numbers that follow from the request alone, and differ from one turn to the next."""
    turns = len(body.get("messages", []))
    return {
        "input_tokens": 100 + turns,
        "output_tokens": 10 + len(json.dumps(block)) % 7,
        "cache_creation_input_tokens": 20 * turns,
        "cache_read_input_tokens": 30 * (turns - 1),
    }


def _refusal(status: int) -> web.Response:
    kind = _ERROR_TYPES.get(status, "api_error")
    error = {"type": kind, "message": f"the stub refuses with {status}"}
    return web.json_response({"type": "error", "error": error}, status=status)


def _block(action: Say | CallShell | ReadFile, number: int) -> dict[str, Any]:
    if isinstance(action, Say):
        return {"type": "text", "text": action.text}
    name, arguments = _call(action)
    return {
        "type": "tool_use",
        "id": f"toolu_stub_{number:06}",
        "name": name,
        "input": arguments,
    }


def _call(action: CallShell | ReadFile) -> tuple[str, dict[str, Any]]:
    if isinstance(action, ReadFile):
        return _READ_TOOL, {"file_path": action.path, "limit": 20}
    return _SHELL_TOOL, {"command": action.command, "description": "What the test asks for"}


async def _stream(
    request: web.Request, message: dict[str, Any], block: dict[str, Any], stop: str, action: Action
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)

    async def send(kind: str, **fields: Any) -> None:
        data = json.dumps({"type": kind, **fields})
        await response.write(f"event: {kind}\ndata: {data}\n\n".encode())

    await send("message_start", message=message)
    if block["type"] == "text":
        await send("content_block_start", index=0, content_block={"type": "text", "text": ""})
        pieces = re.findall(r"\S+\s*", block["text"])
        seconds = action.seconds if isinstance(action, Say) else 0.0
        for piece in pieces:
            await asyncio.sleep(seconds / len(pieces))
            delta = {"type": "text_delta", "text": piece}
            await send("content_block_delta", index=0, delta=delta)
    else:
        await send("content_block_start", index=0, content_block={**block, "input": {}})
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        await send("content_block_delta", index=0, delta=delta)
    await send("content_block_stop", index=0)
    await send(
        "message_delta",
        delta={"stop_reason": stop, "stop_sequence": None},
        usage=message["usage"],
    )
    await send("message_stop")
    await response.write_eof()
    return response
