"""How an error is told: a line and a way out for people, an object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coders_queue import errors
from coders_queue.cli.console import Console
from coders_queue.cli.text import printable


class AlreadySaid(errors.CodersError):
    """A program that we ran has failed and has told the user why on standard error."""

    kind = "stack"

    def __init__(
        self, message: str, hint: str | None = None, exit_code: int = 1, kind: str = kind
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        # a program that a signal ended has no exit code of its own
        self.exit_code = exit_code if exit_code > 0 else 1


class Bug(errors.CodersError):
    """Something that nobody expected."""

    kind = "bug"
    exit_code = 70


def report(console: Console, words: Sequence[str], error: errors.CodersError) -> None:
    """Tell it on standard error and, for a program, on standard output."""
    if wants_json(words):
        console.json({"error": described(error)})
    say(console, error)


def described(error: errors.CodersError) -> dict[str, Any]:
    """The error for a program."""
    return {**error.to_wire(), "exit_code": error.exit_code}


def say(console: Console, error: errors.CodersError) -> None:
    """The error for a person, unless they were told already."""
    if isinstance(error, AlreadySaid):
        return
    console.note(f"coders: error: {printable(error.message)}")
    if error.hint:
        console.note(f"  try: {printable(error.hint)}")


def wants_json(words: Sequence[str]) -> bool:
    """Whether the caller is a program, even when its words could not be parsed."""
    own = words[: list(words).index("--")] if "--" in words else words
    return "--json" in own
