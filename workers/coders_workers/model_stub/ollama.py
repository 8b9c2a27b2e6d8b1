"""Ollama's server: its own look-ups, and the Anthropic API for the models that it has.

Its addresses are its own, so it is served on a port of its own.
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from coders_workers.model_stub import anthropic
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.tokens import Tokens
from coders_workers.model_stub.turn import Turn

VERSION = "0.24.0"
MODELS = ("stub-coder:latest", "stub-coder:7b")


class Ollama(anthropic.Anthropic):
    """The same spelling, but for the cost."""

    name = "ollama"
    reads = False
    writes = False

    def usage(self, tokens: Tokens) -> dict[str, Any]:
        """It has no cache to count."""
        return {"input_tokens": tokens.input, "output_tokens": tokens.output}


API = Ollama()


def known(model: str) -> bool:
    """Whether it has the model; a name without a tag means ``latest``."""
    return (model if ":" in model else f"{model}:latest") in MODELS


def add_routes(app: web.Application, desk: Desk) -> None:
    """Serve it from ``app``."""

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="Ollama is running")

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def tags(_: web.Request) -> web.Response:
        return web.json_response({"models": [_model(name) for name in MODELS]})

    async def show(request: web.Request) -> web.Response:
        body = await request.json()
        name = str(body.get("model") or body.get("name"))
        if not known(name):
            return web.json_response({"error": f"model '{name}' not found"}, status=404)
        capabilities = ["completion", "tools"]
        return web.json_response({"details": _DETAILS, "capabilities": capabilities})

    async def messages(request: web.Request) -> web.StreamResponse:
        name = str((await request.json()).get("model"))
        if not known(name):
            return await _absent(request, name)
        return await desk.serve(request, API, lambda body: _read(body, request))

    async def _absent(request: web.Request, name: str) -> web.StreamResponse:
        message = f"model '{name}' not found"
        error = {"type": "not_found_error", "message": message}
        desk.journal.strays.append(f"{request.method} {request.path} ({message})")
        told = {"type": "error", "error": error, "request_id": f"req_{secrets.token_hex(8)}"}
        return web.json_response(told, status=404)

    app.router.add_get("/", alive)
    app.router.add_get("/api/version", version)
    app.router.add_get("/api/tags", tags)
    app.router.add_post("/api/show", show)
    app.router.add_post("/v1/messages", messages)


def _read(body: dict[str, Any], request: web.Request) -> Turn:
    return anthropic.read(body, "messages", request.headers.get("X-Claude-Code-Session-Id"))


_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "stub",
    "families": ["stub"],
    "parameter_size": "7.6B",
    "quantization_level": "Q4_K_M",
}


def _model(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-11-22T00:00:00Z",
        "size": 4_683_087_332,
        "digest": "0" * 64,
        "details": _DETAILS,
    }
