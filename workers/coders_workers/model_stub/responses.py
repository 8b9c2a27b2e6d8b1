"""The OpenAI Responses API: ``POST /v1/responses``, whole or streamed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from aiohttp import web

from coders_workers.model_stub import openai
from coders_workers.model_stub.api import Answer, Frame, event
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.script import Refusal
from coders_workers.model_stub.tokens import Tokens
from coders_workers.model_stub.turn import Offer, Turn, spoken

_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
_SESSION_HEADERS = ("session_id", "session-id", "conversation_id", "x-session-id")


class Responses:
    """That API's spelling."""

    name = "responses"
    reads = True
    writes = False

    def whole(self, answer: Answer) -> dict[str, Any]:
        """A response."""
        usage = self.usage(answer.tokens)
        return {**_head(answer), "status": "completed", "output": [_item(answer)], "usage": usage}

    def frames(self, answer: Answer) -> Iterator[Frame]:
        """A response as events."""
        numbers = itertools.count()

        def frame(kind: str, *, paced: bool = False, **fields: Any) -> Frame:
            data = {"type": kind, "sequence_number": next(numbers), **fields}
            return event(data, kind, paced=paced)

        item = _item(answer)
        place = {"item_id": item["id"], "output_index": 0}
        yield frame("response.created", response=_head(answer))
        yield frame("response.in_progress", response=_head(answer))
        yield frame("response.output_item.added", output_index=0, item=item | _begun(answer))
        if answer.call is None:
            part = {"type": "output_text", "text": "", "annotations": []}
            place["content_index"] = 0
            yield frame("response.content_part.added", **place, part=part)
            for piece in answer.pieces:
                yield frame("response.output_text.delta", paced=True, **place, delta=piece)
            yield frame("response.output_text.done", **place, text=answer.text)
            yield frame("response.content_part.done", **place, part={**part, "text": answer.text})
        else:
            field = "input" if "input" in item else "arguments"
            named = "custom_tool_call_input" if field == "input" else "function_call_arguments"
            yield frame(f"response.{named}.delta", **place, delta=item[field])
            yield frame(f"response.{named}.done", **place, **{field: item[field]})
        yield frame("response.output_item.done", output_index=0, item=item)
        yield frame("response.completed", response=self.whole(answer))

    def usage(self, tokens: Tokens) -> dict[str, Any]:
        """What came from a cache is part of input, reasoning part of output."""
        whole = tokens.input + tokens.cache_read
        return {
            "input_tokens": whole,
            "input_tokens_details": {"cached_tokens": tokens.cache_read},
            "output_tokens": tokens.output,
            "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
            "total_tokens": whole + tokens.output,
        }

    def refusal(self, refusal: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
        """As both APIs of OpenAI."""
        return openai.refusal(refusal)


API = Responses()


def add_routes(app: web.Application, desk: Desk) -> None:
    """Serve the API from ``app``."""

    async def responses(request: web.Request) -> web.StreamResponse:
        named = [request.headers[name] for name in _SESSION_HEADERS if name in request.headers]
        session = named[0] if named else None
        return await desk.serve(request, API, lambda body: read(body, session))

    app.router.add_post("/v1/responses", responses)


def read(body: dict[str, Any], session: str | None) -> Turn:
    """What a request says."""
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    prompt: str = ""
    called: list[str] = []
    results: list[str] = []
    history: list[dict[str, str]] = []
    for item in items:
        kind = str(item.get("type", "message"))
        if kind in _CALLS:
            called.append(str(item.get("name", kind)))
        elif kind.endswith("_output"):
            results.append(_output_text(item.get("output")))
        elif kind == "message":
            texts = _texts(item)
            history.append({"role": str(item.get("role")), "text": "\n".join(texts)})
            if item.get("role") == "user" and texts:
                prompt, called, results = texts[-1], [], []
    asked = body.get("text", {}).get("format", {})
    return Turn(
        operation="responses",
        model=str(body["model"]),
        prompt=prompt,
        history=history,
        offers=tuple(_offers(body.get("tools") or [])),
        called=tuple(called),
        # only what came after the last call: earlier results were answered
        results=tuple(results),
        session=session or body.get("prompt_cache_key"),
        schema=asked.get("schema"),
        stream=bool(body.get("stream")),
    )


def _offers(tools: list[dict[str, Any]]) -> Iterator[Offer]:
    for tool in tools:
        kind = tool.get("type")
        if kind == "function":
            yield Offer(str(tool.get("name")), tool.get("parameters") or {})
        elif kind == "custom":
            yield Offer(str(tool.get("name")), {}, freeform=True)
        elif kind == "namespace":
            above = str(tool.get("name"))
            for offer in _offers(tool.get("tools") or []):
                yield replace(offer, namespace=above)


def _texts(item: dict[str, Any]) -> list[str]:
    content = item.get("content", "")
    if isinstance(content, str):
        return spoken([content])
    return spoken(str(part["text"]) for part in content if "text" in part)


def _output_text(output: Any) -> str:
    if isinstance(output, list):
        return "\n".join(str(part.get("text", "")) for part in output)
    return str(output)


def _head(answer: Answer) -> dict[str, Any]:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": int(time.time()),
        "model": answer.model,
        "status": "in_progress",
        "output": [],
        "error": None,
        "incomplete_details": None,
    }


def _item(answer: Answer) -> dict[str, Any]:
    number, call = answer.id, answer.call
    if call is None:
        part = {"type": "output_text", "text": answer.text, "annotations": []}
        return {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    common = {"call_id": f"call_{number}", "name": call.name, "status": "completed"}
    if call.text is not None and not call.arguments:
        return {"type": "custom_tool_call", "id": f"ctc_{number}", **common, "input": call.text}
    if call.namespace is not None:
        common["namespace"] = call.namespace
    arguments = call.arguments_json
    return {"type": "function_call", "id": f"fc_{number}", **common, "arguments": arguments}


def _begun(answer: Answer) -> dict[str, Any]:
    if answer.call is None:
        return {"status": "in_progress", "content": []}
    item = _item(answer)
    field = "input" if "input" in item else "arguments"
    return {"status": "in_progress", field: ""}
