"""How a step stands while a decision is being made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coders_queue.flows.decision import RunState, RunView, StepState, StepView
from coders_queue.flows.facts import End, RunKey


@dataclass
class RunStatus:
    """One run of a step."""

    key: RunKey
    state: RunState
    cause: str | None = None
    known: bool = False
    """Whether it has an outcome."""
    last: tuple[RunKey, End] | None = None
    """The try before, that failed."""

    def drop(self) -> None:
        """It is not to begin: what counts is the try before, if there was one."""
        self.state = "cancelled"
        if self.last is not None:
            self.key, self.state, self.known = self.last[0], self.last[1].state, True


@dataclass
class Status:
    """A step, in one round."""

    name: str
    state: StepState
    round: int = 1
    generation: int = 0
    """The latest of all that it rests on, itself too: older outcomes of what needs it are stale."""
    runs: tuple[RunStatus, ...] = ()
    items: list[Any] | None = None
    """Of a step with ``each``."""
    cause: str | None = None
    doomed: bool = False
    """Whether it is certain to fail, though parts of it still run."""
    going_back: bool = False
    """Whether it ended and its part of the flow is to run again."""
    held: bool = False
    """Whether it waits for nothing but steps that are going back."""
    looping: bool = False
    """Whether its loop may run it again: what stands outside waits."""
    _view: StepView | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.state not in ("waiting", "running")

    @property
    def failed(self) -> bool:
        """Whether it ended, and not well."""
        return self.state in ("failed", "cancelled")

    def view(self) -> StepView:
        """For others to see."""
        if self._view is None or not self.settled:
            runs = tuple([RunView(run.key, run.state, run.cause) for run in self.runs])
            self._view = StepView(self.state, self.round, runs, self.cause)
        return self._view
