"""The facts of a flow, from the entries of its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from coders_queue.flows.facts import End, Facts, Halt, RunKey
from coders_queue.models.flow import Entry, Halted, RunEnded, RunsStarted
from coders_queue.models.outcome import Outcome


class Log:
    """What is known after so many entries. Entries are taken in order, each once."""

    def __init__(self) -> None:
        self.length = 0
        self._ends: dict[RunKey, End] = {}
        self._started: set[RunKey] = set()
        self._generation = 0
        self._halt: Halt | None = None

    def take(self, entries: Iterable[Entry]) -> None:
        """More of it."""
        for entry in entries:
            self.length += 1
            if isinstance(entry, RunsStarted):
                self._started.update(map(RunKey.parse, entry.runs))
            elif isinstance(entry, RunEnded):
                end = End(entry.state, entry.cause, entry.at)
                self._ends.setdefault(RunKey.parse(entry.run), end)
            elif isinstance(entry, Halted):
                self._halt = self._halt or Halt(entry.why, entry.message)
            else:
                self._generation += 1
                self._halt = None

    @property
    def halted(self) -> bool:
        """Whether the flow is to end early."""
        return self._halt is not None

    @property
    def open(self) -> list[RunKey]:
        """Runs that are asked for and have not ended."""
        return sorted(self._started - self._ends.keys(), key=str)

    def facts(self, outcome: Callable[[RunKey], Outcome]) -> Facts:
        """What decisions rest on; not to be kept while entries are taken."""
        return Facts(
            ends=self._ends,
            outcome=outcome,
            started=self._started,
            generation=self._generation,
            halt=self._halt,
        )
