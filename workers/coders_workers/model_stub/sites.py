"""The stub's addresses: loopback for the agents, a Unix socket for those who test them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from coders_workers.model_stub.app import build_app, build_ollama
from coders_workers.model_stub.desk import Desk
from coders_workers.model_stub.journal import Journal
from coders_workers.model_stub.script import Script

LOOPBACK = "127.0.0.1"
# a client that is killed in the middle of an answer must not keep the stub from ending
_SHUTDOWN_TIMEOUT = 0.5


@dataclass(frozen=True)
class Addresses:
    """Where a stub listens."""

    url: str
    """The model services."""
    ollama_url: str
    control: str
    """Path of the Unix socket that serves the same as ``url``, in every network namespace."""


@asynccontextmanager
async def serving(control: Path, port: int = 0, ollama_port: int = 0) -> AsyncIterator[Addresses]:
    """Serve until the end of the block; a port of 0 picks a free one."""
    desk = Desk(Journal(), Script())
    services, ollama = _runner(build_app(desk)), _runner(build_ollama(desk))
    try:
        url = await _listen(services, port)
        await web.UnixSite(services, str(control)).start()
        yield Addresses(url, await _listen(ollama, ollama_port), str(control))
    finally:
        await services.cleanup()
        await ollama.cleanup()
        control.unlink(missing_ok=True)


def _runner(app: web.Application) -> web.AppRunner:
    # an agent that goes ends the request that it waited for
    return web.AppRunner(
        app, shutdown_timeout=_SHUTDOWN_TIMEOUT, handler_cancellation=True, access_log=None
    )


async def _listen(runner: web.AppRunner, port: int) -> str:
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    bound = runner.addresses[0][1]
    return f"http://{LOOPBACK}:{bound}"
