"""The Gemini API: ``generateContent``, ``streamGenerateContent`` and ``countTokens``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from coders_workers.model_stub.api import Answer, Frame, event
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.script import Refusal
from coders_workers.model_stub.tokens import Tokens
from coders_workers.model_stub.turn import Offer, Turn, spoken

_ERRORS = {
    400: ("INVALID_ARGUMENT", "The stub did not understand this."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "The model is not found for API version v1beta."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    529: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}
_GOOGLE = "type.googleapis.com/google.rpc."


class Gemini:
    """That API's spelling."""

    name = "gemini"
    reads = True
    writes = False

    def whole(self, answer: Answer) -> dict[str, Any]:
        """A response with its only candidate."""
        return self._response(answer, _part(answer), "STOP")

    def frames(self, answer: Answer) -> Iterator[Frame]:
        """A response in pieces, the last with the reason that it ended."""
        if answer.call is not None:
            yield event(self.whole(answer))
            return
        pieces = answer.pieces
        for number, piece in enumerate(pieces, 1):
            finish = "STOP" if number == len(pieces) else None
            yield event(self._response(answer, {"text": piece}, finish), paced=True)

    def usage(self, tokens: Tokens) -> dict[str, Any]:
        """What came from a cache is part of the prompt, thoughts are no part of the candidates."""
        prompt, said = tokens.input + tokens.cache_read, tokens.output - tokens.reasoning
        return {
            "promptTokenCount": prompt,
            "cachedContentTokenCount": tokens.cache_read,
            "candidatesTokenCount": said,
            "thoughtsTokenCount": tokens.reasoning,
            "totalTokenCount": prompt + tokens.output,
        }

    def refusal(self, refusal: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
        """An error, with when to come back among its details."""
        kind, message = _ERRORS.get(refusal.status, ("UNKNOWN", "The stub refuses."))
        error: dict[str, Any] = {"code": refusal.status, "message": message, "status": kind}
        if refusal.status == 429:
            violation = {
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
                "quotaDimensions": {"location": "global", "model": "stub"},
                "quotaValue": "3",
            }
            delay = f"{refusal.retry_after}s"
            error["message"] += f"\nPlease retry in {delay}."
            error["details"] = [
                {"@type": f"{_GOOGLE}QuotaFailure", "violations": [violation]},
                {"@type": f"{_GOOGLE}RetryInfo", "retryDelay": delay},
            ]
        return {"error": error}, {}

    def _response(self, answer: Answer, part: dict[str, Any], finish: str | None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
        if finish is not None:
            candidate["finishReason"] = finish
        return {
            "candidates": [candidate],
            "usageMetadata": self.usage(answer.tokens),
            "modelVersion": answer.model,
            "responseId": f"stub-{answer.id}",
        }


API = Gemini()


def add_routes(app: web.Application, desk: Desk) -> None:
    """Serve the API from ``app``."""

    async def generate(request: web.Request) -> web.StreamResponse:
        model, operation = request.match_info["model"], request.match_info["operation"]

        def reader(body: dict[str, Any]) -> Turn:
            return read(body, model, operation)

        if operation == "countTokens":
            return await desk.count(request, API, reader, "totalTokens")
        return await desk.serve(request, API, reader)

    operations = "generateContent|streamGenerateContent|countTokens"
    path = f"/{{version:v1|v1beta|v1alpha}}/models/{{model}}:{{operation:{operations}}}"
    app.router.add_post(path, generate)


def read(body: dict[str, Any], model: str, operation: str) -> Turn:
    """What a request says."""
    given = body.get("contents", body.get("generateContentRequest", {}).get("contents"))
    contents = given if isinstance(given, list) else [given]
    prompt: str = ""
    called: list[str] = []
    results: list[str] = []
    history: list[dict[str, str]] = []
    for content in contents:
        parts = content.get("parts") or []
        role = str(content.get("role", "user"))
        texts = spoken(str(part["text"]) for part in parts if "text" in part)
        history.append({"role": role, "text": "\n".join(texts)})
        called += [str(part["functionCall"]["name"]) for part in parts if "functionCall" in part]
        found = [part["functionResponse"] for part in parts if "functionResponse" in part]
        results = [str(one.get("response")) for one in found]
        if role == "user" and texts and not results:
            prompt, called = texts[-1], []
    config = body.get("generationConfig") or {}
    return Turn(
        operation=operation,
        model=model,
        prompt=prompt,
        history=history,
        offers=tuple(_offers(body.get("tools") or [])),
        called=tuple(called),
        results=tuple(results),
        schema=_schema(config),
        stream=operation == "streamGenerateContent",
    )


def _offers(tools: list[dict[str, Any]]) -> Iterator[Offer]:
    for tool in tools:
        for function in tool.get("functionDeclarations", []):
            schema = function.get("parametersJsonSchema") or function.get("parameters") or {}
            yield Offer(str(function["name"]), schema)


def _schema(config: dict[str, Any]) -> dict[str, Any] | None:
    schema: dict[str, Any] | None = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema is None and config.get("responseMimeType") == "application/json":
        return {"type": "object"}
    return schema


def _part(answer: Answer) -> dict[str, Any]:
    if answer.call is None:
        return {"text": answer.text}
    return {"functionCall": {"name": answer.call.name, "args": answer.call.arguments}}
