"""One line of what the suite found: a claim, whether it holds, and the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from coders_queue import errors
from coders_queue.agents.screen import plain

#: ``not offered``: the tool, or its adapter, has nothing of the kind.
Verdict = Literal["holds", "does not", "not offered"]

_EVIDENCE = 300


@dataclass(frozen=True)
class Row:
    """A claim about a version of a tool, checked."""

    claim: str
    verdict: Verdict
    evidence: str
    """What was seen, one line."""


class Rows:
    """The rows of one run, told as they come."""

    def __init__(self, tell: Callable[[Row], None] = lambda _row: None) -> None:
        self.all: list[Row] = []
        self._tell = tell

    def add(self, claim: str, verdict: Verdict, evidence: str) -> None:
        """One more."""
        self.all.append(Row(claim, verdict, one_line(evidence)))
        self._tell(self.all[-1])

    def check(self, claim: str, holds: bool, evidence: str) -> bool:
        """One that holds or does not."""
        self.add(claim, "holds" if holds else "does not", evidence)
        return holds

    def not_offered(self, claim: str, why: str) -> None:
        """One that cannot be asked of this tool."""
        self.add(claim, "not offered", why)

    @contextmanager
    def about(self, *claims: str) -> Iterator[None]:
        """In the block these claims are checked; those that it does not come to do not hold."""
        reason = "what it builds on does not hold"
        try:
            yield
        except errors.CodersError as error:
            reason = str(error)
        known = {row.claim for row in self.all}
        for claim in claims:
            if claim not in known:
                self.add(claim, "does not", reason)


def one_line(text: str) -> str:
    """Without line ends and control characters, and not too long."""
    line = plain(text).replace("\n", " ").replace("\t", " ").strip()
    return line if len(line) <= _EVIDENCE else line[: _EVIDENCE - 3] + "..."
