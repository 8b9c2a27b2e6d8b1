"""Several consequences of what an agent is doing, as one."""

from __future__ import annotations

import structlog

from coders_queue.models.activity import Activity
from coders_workers.watchers.subject import Subject
from coders_workers.watchers.watchers import React

log = structlog.get_logger(__name__)


class Reactions:
    """Each of them in turn; one that fails keeps no other from its turn."""

    def __init__(self, *reactions: React) -> None:
        self._reactions = reactions

    def __call__(self, subject: Subject, activity: Activity, now: float) -> None:
        """Tell all of them."""
        for react in self._reactions:
            try:
                react(subject, activity, now)
            except Exception:
                log.exception("reaction_failed", session=subject.facts.record.id)

    def due(self, subject: Subject, activity: Activity) -> float | None:
        """The earliest of theirs."""
        times = [react.due(subject, activity) for react in self._reactions]
        return min((at for at in times if at is not None), default=None)
