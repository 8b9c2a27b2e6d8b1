"""The few things that are loaded only when they are needed.

``coders spawn`` has 200 ms in all, on machines where Python itself is slow to load modules. So
here, and only here, imports stand inside functions: what the fast path never touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def complete() -> None:
    """Answer the shell's request for completions. Loads argcomplete."""
    from coders_queue.cli import completer

    completer.complete()


def start_stack() -> dict[str, Any]:
    """Start the broker, the worker and beat of this machine. Loads subprocess."""
    from coders_queue.cli import stack

    return stack.up()


def run_in_terminal(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Give the terminal to a program until it ends. Loads subprocess."""
    from coders_queue.cli import terminal

    terminal.run(argv, environ)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``word`` was probably meant to be. Loads difflib."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(candidates), n=1, cutoff=0.55)
    return found[0] if found else None


def write_crash(environ: Mapping[str, str], command: str, correlation: str) -> Path | None:
    """Store the traceback of the exception being handled. Loads traceback."""
    from coders_queue.cli import crash

    return crash.write(environ, command, correlation)
