"""Ending attempts that somebody, or a deadline, wants ended."""

from __future__ import annotations

import structlog

from coders_queue import ids
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_workers import attempt_dir
from coders_workers.supervisor.ended_attempt import DEADLINE, deadline_reason
from coders_workers.supervisor.finish import Finisher
from coders_workers.supervisor.host import Host, correlate
from coders_workers.supervisor.watch import Watched

log = structlog.get_logger(__name__)


class Stopper:
    """Sees to it that what is to end, ends."""

    def __init__(self, host: Host, finisher: Finisher, watched: Watched) -> None:
        self._host = host
        self._finisher = finisher
        self._watched = watched

    def stop(self, session_id: str, attempt: int) -> bool:
        """Do what the record's ``cancel_reason`` asks; False when there is nothing to do."""
        record = self._host.store.get(session_id)
        if (
            record is None
            or record.cancel_reason is None
            or record.attempt != attempt
            or record.host != self._host.name
            or not record.state.on_host
        ):
            return False
        correlate(record, session_id)
        log.info(
            "session_stopping", session=session_id, attempt=attempt, reason=record.cancel_reason
        )
        ref = ids.attempt_ref(session_id, attempt)
        if record.state is State.ASSIGNED and ref not in self._watched:
            with self._host.turn(session_id, attempt):
                again = self._host.store.get(session_id)
                if again is not None and again.state is State.ASSIGNED:
                    return self._finisher.end_unstarted(again, "cancelled", record.cancel_reason)
        self.end(ref)
        return True

    def end(self, ref: str) -> None:
        """Ask the agent to end, once, whatever the record says."""
        if self._watched.was_asked(ref):
            return  # a second SIGTERM tells many programs to drop what they were saving
        directory = self._host.attempt_path(*ids.parse_attempt_ref(ref))
        self._host.runtime.stop(ref, directory, self._host.settings.session.grace)
        if (directory / attempt_dir.STOP).exists():  # else it is to begin: the sweep asks again
            self._watched.asked(ref)

    def enforce_deadlines(self) -> int:
        """Stop what is watched here and has run for longer than it may; how many."""
        count = 0
        for ref, deadline in self._watched.deadlines().items():
            if self._host.steady() >= deadline:
                session_id, attempt = ids.parse_attempt_ref(ref)
                record = self._host.store.get(session_id)
                if record is not None and record.attempt == attempt and self._end_late(record):
                    count += 1
        return count

    def _end_late(self, record: SessionRecord) -> bool:
        if record.spec.timeout is None or record.cancel_reason is not None:
            return False
        log.info("session_timed_out", session=record.id, attempt=record.attempt)
        directory = self._host.attempt_path(record.id, record.attempt)
        if directory.is_dir():
            (directory / DEADLINE).touch(mode=0o600)
        self._host.store.request_cancel(record.id, deadline_reason(record))
        return self.stop(record.id, record.attempt)
