"""The OpenAI Chat Completions API: ``POST /v1/chat/completions``, whole or streamed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from coders_workers.model_stub import openai
from coders_workers.model_stub.api import Answer, Frame, event
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.script import Refusal
from coders_workers.model_stub.tokens import Tokens
from coders_workers.model_stub.tools import ToolUse
from coders_workers.model_stub.turn import Offer, Turn, spoken

_SESSION_HEADERS = ("x-session-affinity", "x-session-id", "x-opencode-session")


class Chat:
    """That API's spelling."""

    name = "chat"
    reads = True
    writes = False

    def whole(self, answer: Answer) -> dict[str, Any]:
        """A completion."""
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.call is not None:
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [_call(answer.call, answer.id)],
            }
        choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
        usage = self.usage(answer.tokens)
        return {
            **_head(answer, "chat.completion"),
            "choices": [choice],
            "usage": usage,
        }

    def frames(self, answer: Answer) -> Iterator[Frame]:
        """A completion as chunks."""
        head = _head(answer, "chat.completion.chunk")

        def frame(
            delta: dict[str, Any], finish: str | None = None, *, paced: bool = False
        ) -> Frame:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return event({**head, "choices": [choice]}, paced=paced)

        yield frame({"role": "assistant", "content": ""})
        if answer.call is None:
            for piece in answer.pieces:
                yield frame({"content": piece}, paced=True)
        else:
            yield frame({"tool_calls": [{"index": 0, **_call(answer.call, answer.id)}]})
        yield frame({}, _finish(answer))
        yield event({**head, "choices": [], "usage": self.usage(answer.tokens)})
        yield Frame(b"data: [DONE]\n\n")

    def usage(self, tokens: Tokens) -> dict[str, Any]:
        """What came from a cache is part of the prompt, reasoning part of the completion."""
        whole = tokens.input + tokens.cache_read
        return {
            "prompt_tokens": whole,
            "prompt_tokens_details": {"cached_tokens": tokens.cache_read},
            "completion_tokens": tokens.output,
            "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
            "total_tokens": whole + tokens.output,
        }

    def refusal(self, refusal: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
        """As both APIs of OpenAI."""
        return openai.refusal(refusal)


API = Chat()


def add_routes(app: web.Application, desk: Desk) -> None:
    """Serve the API from ``app``."""

    async def completions(request: web.Request) -> web.StreamResponse:
        named = [request.headers[name] for name in _SESSION_HEADERS if name in request.headers]
        session = named[0] if named else None
        return await desk.serve(request, API, lambda body: read(body, session))

    app.router.add_post("/v1/chat/completions", completions)


def read(body: dict[str, Any], session: str | None) -> Turn:
    """What a request says."""
    prompt: str = ""
    called: list[str] = []
    results: list[str] = []
    history: list[dict[str, str]] = []
    for message in body["messages"]:
        role = str(message.get("role"))
        texts = _texts(message)
        history.append({"role": role, "text": "\n".join(texts)})
        if role == "tool":
            results.append("\n".join(texts))
        elif role == "assistant":
            calls = message.get("tool_calls") or []
            called += [str(call["function"]["name"]) for call in calls]
            results = []
        elif role == "user" and texts:
            prompt, called, results = texts[-1], [], []
    tools = [tool["function"] for tool in body.get("tools") or [] if "function" in tool]
    asked = body.get("response_format") or {}
    return Turn(
        operation="chat",
        model=str(body["model"]),
        prompt=prompt,
        history=history,
        offers=tuple(Offer(str(t["name"]), t.get("parameters") or {}) for t in tools),
        called=tuple(called),
        results=tuple(results),
        session=session or (body.get("metadata") or {}).get("sessionId"),
        schema=(asked.get("json_schema") or {}).get("schema"),
        stream=bool(body.get("stream")),
    )


def _texts(message: dict[str, Any]) -> list[str]:
    content = message.get("content") or ""
    if isinstance(content, str):
        return spoken([content]) if content else []
    return spoken(str(part["text"]) for part in content if "text" in part)


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": kind,
        "created": int(time.time()),
        "model": answer.model,
    }


def _call(call: ToolUse, answer_id: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments_json}
    return {"id": f"call_{answer_id}", "type": "function", "function": function}


def _finish(answer: Answer) -> str:
    return "stop" if answer.call is None else "tool_calls"
