"""What is kept of rules: the contract that Redis and the in-memory twin both keep.

A rule has a state, which moves along the event stream, and jobs: what is to be done since it fired.
Nothing here decides anything. Raises Unavailable as the rest of the store does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from coders_queue.models.firing import RuleFailure, RuleJob, RuleReport, RuleState

#: How long a rule of which nothing is heard any more is remembered, seconds.
RULE_KEPT = 30 * 24 * 3600.0


class RuleStore(Protocol):
    """Rules."""

    def begin(self, rule: str, position: str) -> RuleState:
        """The rule's state; a rule that is not known begins at that place in the stream."""
        ...

    def commit(self, rule: str, state: RuleState, jobs: Sequence[RuleJob], *, expect: str) -> bool:
        """Move on to a new state and add jobs, in one step, unless the rule is no longer at
        ``expect``: somebody else was faster. A job that is there already stays as it is."""
        ...

    def take(self, rule: str, until: float, limit: int, *, outward: bool) -> list[RuleJob]:
        """Jobs that are due, the longest due first; nobody else is given them before ``until``.

        Either those that others do or those that are done here.
        """
        ...

    def job(self, rule: str, job_id: str) -> RuleJob | None:
        """A job that is still to be done."""
        ...

    def put_off(self, job: RuleJob, due_at: float) -> bool:
        """Try it again then, with its number of tries as given; False when it is gone."""
        ...

    def done(self, job: RuleJob, failure: RuleFailure | None = None) -> bool:
        """It was carried out, or given up; False when that was known."""
        ...

    def report(self, rule: str) -> RuleReport | None:
        """All that is known of a rule."""
        ...

    def forgotten(self, position: str) -> bool:
        """Whether events after that place may be gone from the stream."""
        ...
