"""All sessions' sockets of a host on one thread: accepting, framing, answering. Knows no verb.

A caller that is slow, says too much, too often or over too many connections harms its own session
alone: nothing here waits for it, and a session that has had its share is not listened to for a
moment. Requests are carried out by others, on their own threads.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from coders_queue import errors
from coders_workers.in_session.bucket import Bucket
from coders_workers.in_session.connection import LARGEST, Connection

log = structlog.get_logger(__name__)

#: Carries a request out, soon and on another thread, and hands the answer to ``reply``.
Carry = Callable[[str, bytes, Callable[[], bool], Callable[[dict[str, Any]], None]], object]


@dataclass(frozen=True)
class Share:
    """What one session may take."""

    rate: float = 20.0
    """Requests a second."""
    burst: int = 60
    """Requests at once, after a rest."""
    connections: int = 8
    """Callers at a time."""
    held: int = 64 * 1024 * 1024
    """Bytes of unfinished requests, of all sessions together."""


class _Listener:
    def __init__(self, ref: str, sock: socket.socket, bucket: Bucket) -> None:
        self.ref, self.sock, self.bucket = ref, sock, bucket
        self.callers: set[Connection] = set()
        #: When it is listened to again; None while it is.
        self.paused_until: float | None = None


class SessionSockets:
    """Serves the sockets that it is told of."""

    def __init__(self, carry: Carry, share: Share | None = None) -> None:
        self._carry = carry
        self._share = share or Share()
        self._selector = selectors.DefaultSelector()
        self._listeners: dict[str, _Listener] = {}
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_in, self._wake_out = os.pipe()
        for end in (self._wake_in, self._wake_out):
            os.set_blocking(end, False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._held = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="session-sockets", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more. The sockets' files stay: they tell that their sessions go on."""
        self._order(self._end)
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def open(self, ref: str, path: Path) -> None:
        """Serve a session on this path; a socket that a killed worker left there is replaced.

        Raises OSError. When it returns, callers can connect.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(16)
        except BaseException:
            listening.close()
            raise
        bucket = Bucket(self._share.rate, self._share.burst, time.monotonic())
        self._order(lambda: self._add(_Listener(ref, listening, bucket)))

    def close(self, ref: str) -> None:
        """Serve it no more; who waits for an answer is hung up on."""
        self._order(lambda: self._remove(ref))

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.put(order)
        with contextlib.suppress(OSError):  # full: it is awake
            os.write(self._wake_out, b".")

    # -- on the loop's thread ------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(self._pause()):
                try:
                    self._ready(key)
                except Exception:
                    log.exception("session_socket_failed")
                    if isinstance(key.data, Connection):
                        self._drop(key.data)
            self._give_up(time.monotonic())

    def _pause(self) -> float | None:
        """Seconds until something is to be looked at although nothing has come."""
        busy = any(one.callers or one.paused_until for one in self._listeners.values())
        return 0.25 if busy else None

    def _ready(self, key: selectors.SelectorKey) -> None:
        if key.data is None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_in, 4096)
            while not self._orders.empty():
                try:
                    self._orders.get()()
                except Exception:  # the next are others'
                    log.exception("session_socket_failed")
        elif isinstance(key.data, _Listener):
            self._accept(key.data, time.monotonic())
        elif key.events & selectors.EVENT_WRITE:
            if key.data.write(time.monotonic()):
                self._drop(key.data)
        else:
            self._read(key.data, time.monotonic())

    def _accept(self, listener: _Listener, now: float) -> None:
        if self._listeners.get(listener.ref) is not listener:
            return  # closed since the selector saw it
        if len(listener.callers) >= self._share.connections:
            self._rest(listener, now + 0.25)
            return
        if not listener.bucket.take(now):
            self._rest(listener, now + listener.bucket.ready_in(now))
            return
        try:
            sock, _ = listener.sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no file descriptors left
            log.warning("session_socket_refused", cause=str(error))
            self._rest(listener, now + 1.0)
            return
        sock.setblocking(False)
        connection = Connection(listener.ref, sock, now)
        listener.callers.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _rest(self, listener: _Listener, until: float) -> None:
        """Do not listen for a moment: who calls waits in line."""
        self._selector.unregister(listener.sock)
        listener.paused_until = until

    def _read(self, connection: Connection, now: float) -> None:
        before = connection.held
        alive = connection.read()
        self._held += connection.held - before
        if not alive:
            self._drop(connection)
        elif connection.too_large:
            what = f"the request is larger than {LARGEST} bytes"
            self._reply(
                connection, errors.TaskTooLarge(what, "write it into a file, and name the file")
            )
        elif connection.request is not None:
            self._hand_over(connection, connection.request)
        elif self._held > self._share.held and connection.held > 64 * 1024:
            what = "the host takes in too many large requests just now"
            self._reply(connection, errors.Unavailable(what, "try again in a moment"))

    def _hand_over(self, connection: Connection, request: bytes) -> None:
        def reply(message: dict[str, Any]) -> None:
            self._order(lambda: self._answer(connection, message))

        try:
            self._carry(connection.ref, request, connection.gone.is_set, reply)
        except errors.CodersError as error:
            self._reply(connection, error)

    def _reply(self, connection: Connection, error: errors.CodersError) -> None:
        self._held -= connection.held
        self._answer(connection, {"error": error.to_wire()})

    def _answer(self, connection: Connection, message: dict[str, Any]) -> None:
        if connection.gone.is_set():
            return
        now = time.monotonic()
        connection.answer(message, now)
        if connection.write(now):
            self._drop(connection)
        else:
            self._selector.modify(connection.sock, selectors.EVENT_WRITE, connection)

    def _give_up(self, now: float) -> None:
        for listener in list(self._listeners.values()):
            for connection in list(listener.callers):
                if connection.deadline is not None and now >= connection.deadline:
                    self._drop(connection)
            if listener.paused_until is not None and now >= listener.paused_until:
                listener.paused_until = None
                self._selector.register(listener.sock, selectors.EVENT_READ, listener)

    def _drop(self, connection: Connection) -> None:
        if connection.gone.is_set():
            return
        self._held -= connection.held
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)
        connection.close()
        listener = self._listeners.get(connection.ref)
        if listener is not None:
            listener.callers.discard(connection)

    def _add(self, listener: _Listener) -> None:
        self._remove(listener.ref)
        self._listeners[listener.ref] = listener
        self._selector.register(listener.sock, selectors.EVENT_READ, listener)

    def _remove(self, ref: str) -> None:
        listener = self._listeners.get(ref)
        if listener is None:
            return
        for connection in list(listener.callers):
            self._drop(connection)
        del self._listeners[ref]
        if listener.paused_until is None:
            self._selector.unregister(listener.sock)
        listener.sock.close()

    def _end(self) -> None:
        self._stopping = True
        for ref in list(self._listeners):
            self._remove(ref)
        self._selector.unregister(self._wake_in)
        os.close(self._wake_in)
