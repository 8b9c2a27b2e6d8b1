"""The watch on launchers: one thread for all their `life` FIFOs.

Owns the descriptors it is given. A FIFO hangs up when its launcher is gone, however it went.
"""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class LifeWatch:
    """Calls back, once and from its own thread, when a launcher is gone."""

    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._wake, self._waker = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="life-watch", daemon=True)
        self._thread.start()

    def add(self, fd: int, gone: Callable[[], None]) -> None:
        """Watch a FIFO's reading end, which from now on is the watch's to close."""
        with self._lock:
            if self._closing:
                os.close(fd)
                return
            self._callbacks[fd] = gone
            self._selector.register(fd, selectors.EVENT_READ)

    def close(self) -> None:
        """Stop watching; nothing is called back any more."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        os.write(self._waker, b"x")
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if self._closing:
                    self._close_all()
                    return
                self._look(key.fd)

    def _look(self, fd: int) -> None:
        try:
            if os.read(fd, 512):
                return  # what it says is for who started it; a hang-up follows
        except BlockingIOError:
            return
        with self._lock:
            self._selector.unregister(fd)
            gone = self._callbacks.pop(fd)
        os.close(fd)
        try:
            gone()
        except Exception:
            log.exception("watch_callback_failed")

    def _close_all(self) -> None:
        with self._lock:
            for fd in [*self._callbacks, self._wake, self._waker]:
                os.close(fd)
            self._callbacks.clear()
            self._selector.close()
