"""The Anthropic Messages API: ``POST /v1/messages`` (whole or streamed) and ``count_tokens``."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from coders_workers.model_stub.api import Answer, Frame, event
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.script import Refusal
from coders_workers.model_stub.tokens import Tokens
from coders_workers.model_stub.turn import Offer, Turn, spoken

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SESSION_HEADER = "X-Claude-Code-Session-Id"
_ERRORS = {
    400: ("invalid_request_error", "the stub did not understand this"),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use the resource."),
    404: ("not_found_error", "not found"),
    429: ("rate_limit_error", "This request would exceed your account's rate limit."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}

Blocks = list[dict[str, Any]]


class Anthropic:
    """That API's spelling."""

    name = "anthropic"
    reads = True
    writes = True

    def whole(self, answer: Answer) -> dict[str, Any]:
        """A message."""
        usage = self.usage(answer.tokens)
        return {
            **_head(answer),
            "content": [_block(answer)],
            "stop_reason": _stop(answer),
            "usage": usage,
        }

    def frames(self, answer: Answer) -> Iterator[Frame]:
        """A message as events."""
        usage = self.usage(answer.tokens)

        def frame(kind: str, *, paced: bool = False, **fields: Any) -> Frame:
            return event({"type": kind, **fields}, kind, paced=paced)

        # as the real one: what goes out is counted at the end
        yield frame("message_start", message={**_head(answer), "usage": usage | _NOTHING_SAID})
        block = _block(answer)
        if answer.call is None:
            empty = {"type": "text", "text": ""}
            yield frame("content_block_start", index=0, content_block=empty)
            for piece in answer.pieces:
                delta = {"type": "text_delta", "text": piece}
                yield frame("content_block_delta", paced=True, index=0, delta=delta)
        else:
            yield frame("content_block_start", index=0, content_block={**block, "input": {}})
            delta = {"type": "input_json_delta", "partial_json": answer.call.arguments_json}
            yield frame("content_block_delta", index=0, delta=delta)
        yield frame("content_block_stop", index=0)
        stop = {"stop_reason": _stop(answer), "stop_sequence": None}
        yield frame("message_delta", delta=stop, usage=usage)
        yield frame("message_stop")

    def usage(self, tokens: Tokens) -> dict[str, Any]:
        """Caches are counted apart from input."""
        return {
            "input_tokens": tokens.input,
            "cache_creation_input_tokens": tokens.cache_write,
            "cache_read_input_tokens": tokens.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": tokens.cache_write,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": tokens.output,
        }

    def refusal(self, refusal: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
        """An error, with when to come back."""
        kind, message = _ERRORS.get(refusal.status, ("api_error", "the stub refuses"))
        body = {"type": "error", "error": {"type": kind, "message": message}}
        if refusal.status != 429:
            return body, {}
        reset = int(time.time()) + refusal.retry_after
        moment = datetime.fromtimestamp(reset, UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "retry-after": str(refusal.retry_after),
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": moment,
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-representative-claim": "five_hour",
            "anthropic-ratelimit-unified-reset": str(reset),
        }
        return body, headers


_NOTHING_SAID = {"output_tokens": 1}
API = Anthropic()


def add_routes(app: web.Application, desk: Desk) -> None:
    """Serve the API from ``app``."""

    async def messages(request: web.Request) -> web.StreamResponse:
        session = request.headers.get(_SESSION_HEADER)
        return await desk.serve(request, API, lambda body: read(body, "messages", session))

    async def count_tokens(request: web.Request) -> web.StreamResponse:
        def counting(body: dict[str, Any]) -> Turn:
            return read(body, "count_tokens", None)

        return await desk.count(request, API, counting, "input_tokens")

    app.router.add_post("/v1/messages", messages)
    app.router.add_post("/v1/messages/count_tokens", count_tokens)


def read(body: dict[str, Any], operation: str, session: str | None) -> Turn:
    """What a request says."""
    messages = body.get("messages", [])
    prompt: str = ""
    called: list[str] = []
    results: list[str] = []
    for message in messages:
        blocks = _blocks(message)
        if message.get("role") == "assistant":
            called += [str(b.get("name")) for b in blocks if b.get("type") == "tool_use"]
        # the newest Claude Code adds messages of a role "system" after the user's
        if message.get("role") != "user":
            continue
        results = [_result_text(b) for b in blocks if b.get("type") == "tool_result"]
        texts = _texts(blocks)
        if texts and not results:
            prompt, called = texts[-1], []
    offers = [Offer(str(t.get("name")), t.get("input_schema") or {}) for t in body.get("tools", [])]
    # the session's id stands at the end of an opaque user id
    known = _UUID.findall(json.dumps(body.get("metadata", {}).get("user_id", "")))
    return Turn(
        operation=operation,
        model=str(body["model"]),
        prompt=prompt,
        history=[
            {"role": str(m.get("role")), "text": "\n".join(_texts(_blocks(m)))} for m in messages
        ],
        offers=tuple(offers),
        called=tuple(called),
        results=tuple(results),
        session=session or (known[-1] if known else None),
        schema=_schema(body),
        stream=bool(body.get("stream")),
    )


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    asked = body.get("output_config", {}).get("format") or body.get("output_format") or {}
    schema: dict[str, Any] | None = asked.get("schema")
    return schema


def _blocks(message: dict[str, Any]) -> Blocks:
    content = message.get("content", "")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _texts(blocks: Blocks) -> list[str]:
    return spoken(str(block["text"]) for block in blocks if block.get("type") == "text")


def _result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content)


def _head(answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _block(answer: Answer) -> dict[str, Any]:
    if answer.call is None:
        return {"type": "text", "text": answer.text}
    return {
        "type": "tool_use",
        "id": f"toolu_{answer.id}",
        "name": answer.call.name,
        "input": answer.call.arguments,
    }


def _stop(answer: Answer) -> str:
    return "end_turn" if answer.call is None else "tool_use"
