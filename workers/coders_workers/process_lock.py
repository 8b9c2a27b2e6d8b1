"""A file lock that says who holds it: one process of a kind for a state directory."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from coders_queue import errors

#: How long a question after the holder may keep the lock busy, seconds.
_ASKING = 1.0


class ProcessLock:
    """Held from ``with`` to the end of the process that entered, however it ends."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._descriptor: int | None = None

    def __enter__(self) -> ProcessLock:
        # a moment's patience: whoever asks for the holder holds it for an instant
        if not self.acquire(_ASKING):
            raise errors.Conflict(
                f"{self._what} already runs on this state directory (pid {self.holder()})",
                "see: coders status",
            )
        return self

    def __exit__(self, *_exc: object) -> None:
        self.release()

    def acquire(self, timeout: float = 0.0) -> bool:
        """Take it, waiting up to ``timeout`` seconds."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return False
                time.sleep(0.05)
            else:
                break
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    @property
    def descriptor(self) -> int:
        """Its open file: a child that is given it holds the lock, too, to its own end."""
        if self._descriptor is None:
            raise ValueError(f"{self._path} is not held")
        return self._descriptor

    def name(self, pid: int) -> None:
        """Say that another process, which was given the lock, is the holder."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def release(self) -> None:
        """Give it up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """The process that holds it now; None when nobody does."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode("ascii", "replace").strip()
            return int(text) if text.isdigit() else None
        finally:
            os.close(descriptor)
        return None
