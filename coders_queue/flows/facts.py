"""What is known of a running flow. Facts are only ever added to.

A *run* of a step is one session of it, named by its step, its item, its round, its try and the
generation of the flow; from that its session id follows, so that a decision that is made twice asks
for the same session.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from coders_queue.models.outcome import CauseKind, Outcome


class RunKey(NamedTuple):
    """One session of a step."""

    step: str
    item: int | None = None
    """Which item of ``each``, from 0; None for a step without."""
    round: int = 1
    """Which round of its loop, from 1."""
    retry: int = 0
    """How many tries came before, in this generation."""
    generation: int = 0
    """How often the flow had been resumed when it was decided."""

    def __str__(self) -> str:
        item = "-" if self.item is None else self.item
        return f"{self.step}/{item}/{self.round}/{self.retry}/{self.generation}"

    @classmethod
    def parse(cls, text: str) -> RunKey:
        """The inverse of ``str``. Raises ValueError."""
        step, item, *numbers = text.split("/")
        if len(numbers) != 3:
            raise ValueError(f"not a run: {text!r}")
        return cls(step, None if item == "-" else int(item), *map(int, numbers))

    def session_id(self, flow_id: str) -> str:
        """The id of the session, which depends on nothing else."""
        return str(uuid.uuid5(uuid.UUID(flow_id), str(self)))


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, as far as most decisions need to know."""

    state: Literal["succeeded", "failed", "cancelled"]
    cause: CauseKind | None = None
    ended_at: float | None = None
    """Epoch seconds."""

    @classmethod
    def of(cls, outcome: Outcome) -> End:
        """What matters of an outcome."""
        cause = None if outcome.cause is None else outcome.cause.kind
        return cls(outcome.state, cause, outcome.ended_at)

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.state == "succeeded"

    @property
    def again(self) -> bool:
        """Whether another try may follow: it failed, or took too long. What somebody cancelled
        stays so."""
        return self.state == "failed" or (self.state == "cancelled" and self.cause == "timeout")


@dataclass(frozen=True)
class Halt:
    """Why a flow is to end before it is done."""

    kind: Literal["cancelled", "timeout"]
    message: str


@dataclass(frozen=True)
class Facts:
    """All that a decision rests on, beside the flow."""

    ends: Mapping[RunKey, End] = field(default_factory=dict)
    """The runs that ended."""
    outcome: Callable[[RunKey], Outcome] = lambda key: _unknown(key)
    """The whole outcome of one that ended; asked only when a template or a condition needs it."""
    started: AbstractSet[RunKey] = frozenset()
    """The runs that are asked for, those that ended too. A run belongs here *before* its session is
    submitted, in one step with a look at whether the facts it was decided on still stand; else a
    session could come to be that no later decision cancels."""
    generation: int = 0
    """How often the flow was resumed."""
    halt: Halt | None = None
    """Whether it is to end early, in this generation."""

    @classmethod
    def of(cls, outcomes: Mapping[RunKey, Outcome], **others: Any) -> Facts:
        """From the outcomes themselves."""
        ends = {key: End.of(outcome) for key, outcome in outcomes.items()}
        return cls(ends=ends, outcome=outcomes.__getitem__, **others)


def _unknown(key: RunKey) -> Outcome:
    raise KeyError(key)
