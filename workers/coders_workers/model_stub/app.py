"""The stub's web applications: the APIs they speak, and the doors for tests.

======================== =====================================================================
``GET /_requests``       the journal; ``DELETE`` empties it
``POST /_script``        ``{"match": TEXT, "behaviour": WORDS, "times": N or null}``;
                         ``DELETE`` forgets all rules
``GET /_timeline``       what the stub was doing when; with ``?at=EPOCH`` at that moment
======================== =====================================================================

Anything unknown is noted as a stray and answered with 404.
"""

from __future__ import annotations

from aiohttp import web

from coders_workers.model_stub import anthropic, chat, gemini, ollama, openai, responses
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.timeline import doing, timeline

_MAX_BODY = 128 * 1024 * 1024


def build_app(desk: Desk) -> web.Application:
    """The model services, and the doors for tests."""
    app = web.Application(client_max_size=_MAX_BODY)
    # the CLIs' way of asking whether the service is there
    app.router.add_route("HEAD", "/", _alive)
    anthropic.add_routes(app, desk)
    responses.add_routes(app, desk)
    chat.add_routes(app, desk)
    gemini.add_routes(app, desk)
    openai.add_routes(app)
    _add_doors(app, desk)
    _add_stray(app, desk)
    return app


def build_ollama(desk: Desk) -> web.Application:
    """Ollama, with the same journal and script."""
    app = web.Application(client_max_size=_MAX_BODY)
    ollama.add_routes(app, desk)
    _add_stray(app, desk)
    return app


async def _alive(_: web.Request) -> web.Response:
    return web.Response()


def _add_stray(app: web.Application, desk: Desk) -> None:
    async def stray(request: web.Request) -> web.Response:
        desk.journal.strays.append(f"{request.method} {request.path}")
        return web.json_response({"error": "the stub serves no such path"}, status=404)

    app.router.add_route("*", "/{path:.*}", stray)


def _add_doors(app: web.Application, desk: Desk) -> None:
    async def requests(_: web.Request) -> web.Response:
        return web.json_response(desk.journal.as_json())

    async def forget_requests(_: web.Request) -> web.Response:
        desk.journal.clear()
        return web.Response(status=204)

    async def add_rule(request: web.Request) -> web.Response:
        rule = await request.json()
        desk.script.add(rule["match"], rule["behaviour"], rule.get("times"))
        return web.Response(status=204)

    async def forget_rules(_: web.Request) -> web.Response:
        desk.script.clear()
        return web.Response(status=204)

    async def told(request: web.Request) -> web.Response:
        at = request.query.get("at")
        if at is not None:
            return web.json_response(doing(desk.journal.entries, float(at)))
        return web.json_response(timeline(desk.journal.entries))

    app.router.add_get("/_requests", requests)
    app.router.add_delete("/_requests", forget_requests)
    app.router.add_post("/_script", add_rule)
    app.router.add_delete("/_script", forget_rules)
    app.router.add_get("/_timeline", told)
