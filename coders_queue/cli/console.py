"""The terminal at the other end: results on standard output, everything else on standard error.

Owns colours and when to leave them out, JSON output, and the terminal's width.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from coders_queue.cli.progress import Progress
from coders_queue.cli.text import printable

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}

#: How a state looks.
STATE_COLOURS = {
    "queued": "dim",
    "assigned": "blue",
    "starting": "blue",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
}


class Console:
    """Standard output and standard error, as this run may use them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.out: TextIO = sys.stdout
        self.err: TextIO = sys.stderr
        for stream in (self.out, self.err):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                # a locale without some character must not end a command that did its work
                reconfigure(errors="backslashreplace")

    def width(self) -> int | None:
        """The width of standard output in characters, or None when it is not a terminal."""
        columns = self.environ.get("COLUMNS", "")
        if columns.isdigit() and int(columns) > 0:
            return int(columns)
        if not self.out.isatty():
            return None
        try:
            return os.get_terminal_size(self.out.fileno()).columns or 80
        except OSError:
            return 80

    def colours(self, stream: TextIO) -> bool:
        """Whether ``stream`` takes colours."""
        if self.environ.get("NO_COLOR") or self.environ.get("TERM", "dumb") == "dumb":
            return False
        return stream.isatty()

    def paint(self, colour: str, text: str, stream: TextIO | None = None) -> str:
        """``text`` in a colour, where that is possible."""
        if not text or colour not in _CODES or not self.colours(stream or self.out):
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"

    def state(self, state: object, stream: TextIO | None = None) -> str:
        """A session's state in its colour."""
        word, comma, doubt = printable(state).partition(",")
        # a queued one may have its position behind it
        shown = self.paint(STATE_COLOURS.get(word.partition(" ")[0], ""), word, stream)
        return shown + self.paint("red", comma + doubt, stream)

    def line(self, text: str = "") -> None:
        """A line of the result, on standard output."""
        print(text, file=self.out)

    def note(self, text: str) -> None:
        """A line about what goes on, on standard error."""
        # results printed so far come first where both are one terminal
        self.out.flush()
        print(text, file=self.err, flush=True)

    def json(self, value: Any) -> None:
        """One JSON value on standard output: a single line, or indented on a terminal."""
        indent = 2 if self.out.isatty() else None
        print(json.dumps(value, indent=indent), file=self.out, flush=True)

    def json_line(self, value: Any) -> None:
        """One of many JSON values on standard output, at once."""
        print(json.dumps(value), file=self.out, flush=True)

    def data(self, data: bytes) -> None:
        """An agent's own bytes, as they are, at once."""
        self.out.flush()
        self.out.buffer.write(data)
        self.out.buffer.flush()

    def progress(self, what: str) -> Progress:
        """A sign of life on standard error for what may take more than a second."""
        return Progress(self.err, what, animated=self.environ.get("TERM", "dumb") != "dumb")
