"""Starting a stub: in a thread of this process, or as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path

from coders_workers.model_stub.control import Stub
from coders_workers.model_stub.sites import Addresses, serving

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0


class ModelStub:
    """A stub in a thread of this process: ``with ModelStub() as stub: ...``."""

    def __init__(self) -> None:
        self._running = ExitStack()

    def __enter__(self) -> Stub:
        directory = tempfile.TemporaryDirectory(prefix="coders-stub-")
        control = Path(self._running.enter_context(directory)) / "control"
        try:
            return self._running.enter_context(_in_thread(control))
        except BaseException:
            self._running.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._running.close()


@contextmanager
def _in_thread(control: Path) -> Iterator[Stub]:
    started: Future[Addresses] = Future()
    stop: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        end = asyncio.Event()
        stop.set_result((asyncio.get_running_loop(), end))
        async with serving(control) as addresses:
            started.set_result(addresses)
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="model-stub", daemon=True)
    thread.start()
    try:
        found = started.result(_START_TIMEOUT)
        yield Stub(found.url, found.ollama_url, found.control)
    finally:
        loop, end = stop.result(_STOP_TIMEOUT)
        if not loop.is_closed():
            loop.call_soon_threadsafe(end.set)
        thread.join(_STOP_TIMEOUT)


@contextmanager
def stub_process(
    directory: Path, inside: Callable[[Sequence[str]], Sequence[str]] = list
) -> Iterator[Stub]:
    """A stub as a process; ``inside`` makes the command one that runs in some namespace.

    ``directory`` holds its socket and its log. Keep its path short: a Unix socket's is at most 107
    bytes long.
    """
    control, log_file = directory / "stub.sock", directory / "stub.log"
    argv = [sys.executable, "-P", "-m", "coders_workers.model_stub", "--control", str(control)]
    environ = {"PATH": os.environ.get("PATH", os.defpath)}
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            inside(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environ
        )
    try:
        line = _first_line(process)
        if not line:
            raise RuntimeError(f"the model stub did not start: {log_file.read_text()}")
        yield Stub(**json.loads(line))
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_TIMEOUT)
        if process.stdout is not None:
            process.stdout.close()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    if process.stdout is None:
        return b""
    ready, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT)
    return process.stdout.readline() if ready else b""
