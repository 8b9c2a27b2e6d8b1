"""What follows from the facts: what to start, what to cancel, and how each step stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coders_queue.flows.facts import RunKey

RunState = Literal["waiting", "running", "succeeded", "failed", "cancelled"]
StepState = Literal["waiting", "running", "succeeded", "failed", "skipped", "cancelled"]
FlowState = Literal["running", "stopping", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class Start:
    """A session to submit. The same run always has the same."""

    key: RunKey
    spec: Mapping[str, Any]
    """The fields of its :class:`~coders_queue.models.spec.SessionSpec` that the flow says; they
    were found to be legal. Whose it is, and what ties it to its flow, is for the caller to add."""
    inputs: tuple[RunKey, ...] = ()
    """For a merge step, the runs whose outcomes are the session's inputs, in order; all of them
    ended."""
    item: Any = None
    """Of a step with ``each``, the item."""
    not_before: float | None = None
    """Epoch seconds before which it should not begin; None for at once."""


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of a step."""

    key: RunKey
    state: RunState
    cause: str | None = None
    """Why it has no session although its turn came; the causes of others are in their outcomes."""


@dataclass(frozen=True)
class StepView:
    """How a step stands."""

    state: StepState
    round: int = 1
    runs: tuple[RunView, ...] = ()
    """Of the present round, by the items: the last try of each."""
    cause: str | None = None
    """Why it failed or was skipped, where its runs do not tell."""


@dataclass(frozen=True)
class Decision:
    """What follows from the facts."""

    state: FlowState
    steps: Mapping[str, StepView]
    """In order."""
    starts: tuple[Start, ...] = ()
    """Sessions to submit that are not among those asked for."""
    cancels: tuple[RunKey, ...] = ()
    """Sessions that are asked for, have not ended, and are not wanted any more."""
    cause: str | None = None
    """Why the flow failed, was cancelled or is stopping."""
    result: Any = None
    """What the flow gives; only of one that succeeded."""
    again: tuple[RunKey, ...] = field(default=())
    """Sessions that are asked for, have not ended, and are wanted. One that does not exist (whoever
    asked for it died before submitting it) is made by :func:`~coders_queue.flows.decide.remake`."""

    @property
    def over(self) -> bool:
        """Whether nothing follows any more, unless the flow is resumed."""
        return self.state in ("succeeded", "failed", "cancelled")
