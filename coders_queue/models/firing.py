"""What is known of a rule while it runs: how far it has read, what it still has to do."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.rule import ActionKind

#: What is done by others, who may be slow: it must not hold up what is done here.
OUTWARD = ("notify", "webhook")
#: The kinds of events that tell of rules: an action was given up; a rule had triggered itself.
FAILED, STOPPED = "rule.failed", "rule.stopped"


class RuleState(Model):
    """A rule's place in the event stream, and what it remembers. Times are epoch seconds."""

    position: str
    """The last event that it has looked at."""
    fired: int = 0
    """How often it fired."""
    passed: int = 0
    """How often debouncing, a rate or `at_most` kept it from firing."""
    stopped: int = 0
    """How often it was stopped since it had triggered itself, or its chain was too long."""
    missed: int = 0
    """How often events were gone before it had seen them."""
    faults: int = 0
    """How often its condition gave no value."""
    fault: str | None = None
    """The last of these, one line."""
    fired_at: float | None = None
    """When it last fired."""
    event: str | None = None
    """The event that it last fired on."""
    quiet: dict[str, float] = Field(default_factory=dict)
    """When it last fired, by session (or for all), while it is debounced."""
    recent: tuple[float, ...] = ()
    """When it fired within the time that its rate counts in."""
    counts: dict[str, int] = Field(default_factory=dict)
    """How often it fired for a session; of the sessions of late."""


class RuleJob(Model):
    """One thing to do, since a rule fired. Its id follows from event, rule and action."""

    id: str
    rule: str
    """The rule's name."""
    kind: ActionKind | Literal["audit"]
    """What is done; `audit`: a line in the event stream."""
    action: int = 0
    """Which of the rule's actions it is."""
    event: str
    """The event's id."""
    session: str
    """The event's session."""
    attempt: int = 0
    """The event's attempt."""
    chain: tuple[str, ...] = ()
    """The rules that led to it, its own the last."""
    payload: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The action's fields with their templates filled in. No address and no header is in it."""
    tries: int = 0
    """How often it was tried."""
    at: float = 0.0
    """When the rule fired, epoch seconds."""

    @property
    def outward(self) -> bool:
        """Whether others do it, who may be slow."""
        return self.kind in OUTWARD


class RuleFailure(Model):
    """An action that was given up."""

    kind: str
    """What was to be done."""
    event: str
    """The event's id."""
    session: str
    """The event's session."""
    cause: str
    """Why, one line, without secrets."""
    at: float
    """Epoch seconds."""


class RuleReport(Model):
    """A rule as the store knows it."""

    state: RuleState
    done: int = 0
    """Actions that were carried out."""
    failed: int = 0
    """Actions that were given up."""
    pending: int = 0
    """Actions that are still to be carried out."""
    failure: RuleFailure | None = None
    """The last one that was given up."""
