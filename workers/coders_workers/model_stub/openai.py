"""What both OpenAI APIs share: errors, their headers, and the list of models."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coders_workers.model_stub.script import Refusal

#: Status: type, code and message.
_ERRORS = {
    400: ("invalid_request_error", None, "The stub did not understand this."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: stub."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not from here."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry!"),
    529: ("server_error", None, "Overloaded"),
}


def refusal(refused: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
    """An error, with when to come back."""
    if refused.status == 429:
        return _too_many(refused.retry_after)
    kind, code, message = _ERRORS.get(refused.status, ("server_error", None, "The stub refuses."))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}, {}


def _too_many(seconds: int) -> tuple[dict[str, Any], dict[str, str]]:
    message = (
        "Rate limit reached for stub-model in organization org-stub on requests per min (RPM): "
        f"Limit 3, Used 3, Requested 1. Please try again in {seconds}s."
    )
    error = {
        "message": message,
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    headers = {
        "retry-after": str(seconds),
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{seconds}s",
    }
    return {"error": error}, headers


def add_routes(app: web.Application) -> None:
    """Serve the list of models."""

    async def models(_: web.Request) -> web.Response:
        model = {"id": "stub-model", "object": "model", "created": 0, "owned_by": "stub"}
        return web.json_response({"object": "list", "data": [model]})

    app.router.add_get("/v1/models", models)
