"""Starts the stub: ``python -m support.model_stub --port N --control PATH``.

Listens on loopback for the agents and on a Unix socket for the tests, which may sit in another
network namespace. Prints one line of JSON with both addresses once it accepts connections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

from aiohttp import web

from support.model_stub.app import build_app

LOOPBACK = "127.0.0.1"


async def _serve(port: int, control: str | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # a client that is killed in the middle of an answer must not keep the stub from ending
    runner = web.AppRunner(build_app(), shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, port)
    await site.start()
    if control is not None:
        await web.UnixSite(runner, control).start()
    bound = runner.addresses[0][1]
    print(json.dumps({"url": f"http://{LOOPBACK}:{bound}", "control": control}), flush=True)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Parse the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="model_stub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port on loopback; 0 picks one")
    parser.add_argument("--control", help="path of a Unix socket that serves the same")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.control))


if __name__ == "__main__":
    main()
