"""What is wrong with a flow: each thing with its place, and one error for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coders_queue import errors
from coders_queue.documents.document import Document
from coders_queue.documents.parsed import KeyPath


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    path: KeyPath
    """The key."""
    message: str
    hint: str | None = None
    line: int | None = None
    """The line, from 1, in a text of several."""

    def where(self, document: Document | None) -> str:
        """``file:line``; the key itself where there is no file."""
        if document is None:
            return "the flow"
        if self.line is None:
            return document.where(self.path)
        return document.where_in(self.path, self.line)

    def number(self, document: Document | None) -> int:
        """The line in the file; 0 where it is not known."""
        line = "" if document is None else self.where(document).rpartition(":")[2]
        return int(line) if line.isdigit() else 0

    def told(self, document: Document | None) -> str:
        """In one line, without the way out."""
        return f"{self.where(document)}: {' '.join(self.message.split())}"


class WrongFlow(errors.ConfigError):
    """A flow that cannot be run; its message is the first problem, ``problems`` has all."""

    def __init__(
        self, message: str, hint: str | None = None, problems: Sequence[tuple[str, str | None]] = ()
    ) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems) or ((message, hint),)
        """Each as a line and the way out."""


def refuse(problems: Iterable[Problem], document: Document | None) -> None:
    """Raises WrongFlow when there are any."""
    found = list(dict.fromkeys(problems))
    if not found:
        return
    told = [(problem.told(document), problem.hint) for problem in found]
    first, hint = told[0]
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    raise WrongFlow(f"{first}{more}", hint, told)
