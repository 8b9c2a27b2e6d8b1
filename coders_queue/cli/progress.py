"""A sign of life: after a second, a line on the terminal that says what is being waited for."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TextIO

from coders_queue.cli.text import printable

#: Seconds of silence that a person takes for prompt.
PATIENCE = 1.0
_FRAMES = "|/-\\"


class Progress:
    """Shows ``what`` while the block runs, if that takes long and the stream is a terminal."""

    def __init__(
        self, stream: TextIO, what: str, *, animated: bool, patience: float = PATIENCE
    ) -> None:
        self._stream = stream
        self._what = printable(what)
        self._animated = animated
        self._patience = patience
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def say(self, what: str) -> None:
        """Change what is shown."""
        self._what = printable(what)

    def _show(self) -> None:
        started = time.monotonic()
        if self._done.wait(self._patience):
            return
        if not self._animated:
            self._write(f"{self._what} ...\n")
            return
        frame = 0
        while True:
            seconds = int(time.monotonic() - started)
            self._write(f"\r\x1b[K{_FRAMES[frame % len(_FRAMES)]} {self._what} ({seconds} s)")
            frame += 1
            if self._done.wait(0.2):
                self._write("\r\x1b[K")
                return

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # the terminal went away; the work goes on
            self._done.set()
