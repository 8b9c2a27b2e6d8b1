"""Starts the stub: ``python -m coders_workers.model_stub --port N --control PATH``.

Prints one line of JSON with its addresses once it accepts connections, and serves until it gets
SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import tempfile
from dataclasses import asdict
from pathlib import Path

from coders_workers.model_stub.sites import serving


async def _serve(control: Path, port: int, ollama_port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(control, port, ollama_port) as addresses:
        print(json.dumps(asdict(addresses)), flush=True)
        await stop.wait()


def main() -> None:
    """Parse the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="model_stub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port on loopback; 0 picks one")
    parser.add_argument("--ollama-port", type=int, default=0, help="the same for Ollama's side")
    parser.add_argument("--control", help="path of a Unix socket that serves the same")
    arguments = parser.parse_args()
    default = Path(tempfile.gettempdir()) / f"coders-stub-{os.getpid()}.sock"
    control = Path(arguments.control) if arguments.control else default
    asyncio.run(_serve(control, arguments.port, arguments.ollama_port))


if __name__ == "__main__":
    main()
