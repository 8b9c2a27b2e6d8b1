"""argparse with our errors, and the arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from coders_queue import errors
from coders_queue.cli import lazy

Completer = Callable[..., Iterable[str]]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are :class:`UsageError` with the nearest right word as hint."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Refuse the call."""
        choices = _choice_error(message)
        if choices is not None:
            word, known = choices
            raise unknown_word("choice", word, known, f"one of: {', '.join(known)}")
        raise errors.UsageError(message, f"{self.prog} --help")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options in ``words``; positionals and options may come in any order."""
        options, unknown = self.parse_known_intermixed_args(list(words))
        if unknown:
            word = unknown[0]
            if word.startswith("-"):
                name = word.partition("=")[0]
                raise unknown_word("option", name, self.option_names(), f"{self.prog} --help")
            raise errors.UsageError(
                f"{word!r} is one word too many",
                f"quote a text of several words; {self.prog} --help",
            )
        return options

    def option_names(self) -> list[str]:
        """Every option's spellings."""
        return list(self._option_string_actions)

    def declared(self) -> list[argparse.Action]:
        """Every argument, in order."""
        return list(self._actions)


def unknown_word(what: str, word: str, known: Iterable[str], otherwise: str) -> errors.UsageError:
    """The error for a word that is not in the grammar."""
    nearest = lazy.nearest(word, known)
    return errors.UsageError(
        f"unknown {what} {word!r}", f"did you mean {nearest}?" if nearest else otherwise
    )


def add_reference(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """The session that a command is about."""
    action = parser.add_argument(
        "ref",
        metavar="SESSION",
        nargs=nargs,
        help="its name, its id, or an unambiguous start of the id",
    )
    complete_with(action, "sessions")


def add_json(parser: argparse.ArgumentParser, what: str = "print one JSON object") -> None:
    """The option for programs."""
    parser.add_argument("--json", action="store_true", help=what)


def complete_with(action: argparse.Action, choices: str) -> None:
    """Mark what completes an argument: ``sessions``, ``agents``, ``files`` or ``directories``."""
    action.completes = choices  # type: ignore[attr-defined]


def _choice_error(message: str) -> tuple[str, list[str]] | None:
    """The word and the known ones of argparse's ``invalid choice: 'x' (choose from 'a', 'b')``."""
    _, marker, rest = message.partition("invalid choice: ")
    word, choose, known = rest.partition(" (choose from ")
    if not marker or not choose:
        return None
    return word.strip("'\""), [item.strip("'\" ") for item in known.rstrip(")").split(",")]
