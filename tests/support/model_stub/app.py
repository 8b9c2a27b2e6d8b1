"""The stub's web application: the APIs it speaks and the journal the tests read.

``GET /_requests`` gives the journal, ``DELETE /_requests`` empties it. Anything unknown is noted as
a stray and answered with 404.
"""

from __future__ import annotations

from aiohttp import web

from support.model_stub import anthropic
from support.model_stub.journal import Journal

#: One file per API; each adds its own routes.
APIS = (anthropic,)


def build_app() -> web.Application:
    """An application with an empty journal."""
    journal = Journal()
    app = web.Application(client_max_size=128 * 1024 * 1024)

    async def requests(_: web.Request) -> web.Response:
        return web.json_response(journal.as_json())

    async def forget(_: web.Request) -> web.Response:
        journal.clear()
        return web.Response(status=204)

    async def stray(request: web.Request) -> web.Response:
        journal.strays.append(f"{request.method} {request.path}")
        return web.json_response({"error": "the stub serves no such path"}, status=404)

    app.router.add_get("/_requests", requests)
    app.router.add_delete("/_requests", forget)
    for api in APIS:
        api.add_routes(app, journal)
    app.router.add_route("*", "/{path:.*}", stray)
    return app
