"""The recording: every byte the agent printed, and when.

Owns `output` and `timing`. Knows nothing of where the bytes come from.
"""

from __future__ import annotations

import os
import time

from coders_workers.attempt.files import OUTPUT, TIMING


class Recording:
    """`output` and `timing`. When a write fails it breaks off, and the agent goes on."""

    def __init__(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self.output = os.open(OUTPUT, flags, 0o600)
        self.timing = os.open(TIMING, flags, 0o600)
        self.last = time.monotonic_ns() // 1000
        self.error: OSError | None = None

    def add(self, stream: bytes, data: bytes) -> None:
        """One chunk as it came."""
        if self.error is not None:
            return
        now = time.monotonic_ns() // 1000  # whole microseconds, so that the sum does not drift
        seconds, micros = divmod(now - self.last, 1_000_000)
        written = 0
        try:
            while written < len(data):
                written += os.write(self.output, data[written:] if written else data)
        except OSError as error:
            self.error = error
        try:
            if written:
                os.write(self.timing, b"%s %d.%06d %d\n" % (stream, seconds, micros, written))
        except OSError as error:
            self.error = error
        self.last = now

    def sync(self) -> None:
        """Onto the disk, before `exit` says that all is there."""
        for fd in (self.output, self.timing):
            try:
                os.fsync(fd)
            except OSError as error:
                self.error = self.error or error
