"""What follows from what an agent is doing: who is stuck, or idle for too long, is ended.

Only when the settings or the request say so. Decides for one attempt at a time, and acts on other
threads; a store that is away delays it.
"""

from __future__ import annotations

import structlog

from coders_queue import errors
from coders_queue.models.activity import Activity
from coders_queue.models.record import SessionRecord
from coders_workers.supervisor import stuck_mark
from coders_workers.supervisor.ended_attempt import idle_reason
from coders_workers.supervisor.host import Host, correlate
from coders_workers.supervisor.stop import Stopper
from coders_workers.supervisor.stuck_mark import StuckMark
from coders_workers.watchers.subject import Subject

log = structlog.get_logger(__name__)

#: Seconds after which what could not be done is tried again.
_AGAIN = 2.0


class Consequences:
    """Called with each activity; see the watchers."""

    def __init__(self, host: Host, stopper: Stopper) -> None:
        self._host = host
        self._stopper = stopper
        self._acted: dict[str, float] = {}
        self._exhausted: dict[str, float] = {}

    def __call__(self, subject: Subject, activity: Activity, now: float) -> None:
        """Do what is to be done about it."""
        ref, record = subject.facts.ref, subject.facts.record
        policy = self._host.settings.supervision.on_stuck
        if activity.doing == "stuck" and policy != "report":
            mark = StuckMark(activity.why or "no progress", policy)
            if self._is_time(ref, now):
                self._host.submit(lambda: self._end_stuck(subject, mark))
        elif activity.doing == "idle" and record.spec.idle_timeout is not None:
            # a person may be typing
            since = max(activity.since, activity.progress_at)
            if now - since >= record.spec.idle_timeout and self._is_time(ref, now):
                self._host.submit(lambda: self._end_idle(record))
        elif activity.doing == "rate_limited" and activity.resets_at is not None:
            account, until = record.spec.account, activity.resets_at
            if until > self._exhausted.get(account, now):
                self._exhausted[account] = until
                self._host.submit(lambda: self._exhaust(account, until))
        else:
            self._acted.pop(ref, None)

    def due(self, subject: Subject, activity: Activity) -> float | None:
        """When something will have to be done if nothing happens until then."""
        limit = subject.facts.record.spec.idle_timeout
        if activity.doing != "idle" or limit is None:
            return None
        return max(activity.since, activity.progress_at) + limit

    def _is_time(self, ref: str, now: float) -> bool:
        if now < self._acted.get(ref, 0.0):
            return False
        self._acted[ref] = now + _AGAIN
        return True

    def _end_stuck(self, subject: Subject, mark: StuckMark) -> None:
        """Without a store, too: the mark tells whoever reads the end."""
        facts, record = subject.facts, subject.facts.record
        correlate(record, record.id)
        if stuck_mark.write(facts.directory, mark):
            log.warning("session_stuck", session=record.id, attempt=record.attempt, cause=mark.why)
        self._stopper.end(facts.ref)

    def _exhaust(self, account: str, until: float) -> None:
        """Nobody else of the account begins before then."""
        try:
            self._host.store.exhaust(account, until)
        except errors.Unavailable as error:
            self._exhausted.pop(account, None)
            log.warning("exhaustion_not_told", agent=account, cause=str(error))

    def _end_idle(self, record: SessionRecord) -> None:
        correlate(record, record.id)
        try:
            self._host.store.request_cancel(record.id, idle_reason(record))
            self._stopper.stop(record.id, record.attempt)
        except errors.Unavailable as error:
            log.warning("idle_end_delayed", session=record.id, cause=str(error))
