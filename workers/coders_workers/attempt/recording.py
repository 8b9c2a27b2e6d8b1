"""The recording: every byte the agent printed, and when.

Owns `output` and `timing`. Knows nothing of where the bytes come from.
"""

import posix
import time

from coders_workers.attempt.files import OUTPUT, TIMING


class Recording:
    """`output` and `timing`. When a write fails it breaks off, and the agent goes on."""

    def __init__(self) -> None:
        flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_APPEND
        self.output = posix.open(OUTPUT, flags, 0o600)
        self.timing = posix.open(TIMING, flags, 0o600)
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
                written += posix.write(self.output, data[written:] if written else data)
        except OSError as error:
            self.error = error
        try:
            if written:
                posix.write(self.timing, b"%s %d.%06d %d\n" % (stream, seconds, micros, written))
        except OSError as error:
            self.error = error
        self.last = now

    def sync(self) -> None:
        """Onto the disk, before `exit` says that all is there."""
        for fd in (self.output, self.timing):
            try:
                posix.fsync(fd)
            except OSError as error:
                self.error = self.error or error
