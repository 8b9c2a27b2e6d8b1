"""Rules in one process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from coders_queue.clock import Clock
from coders_queue.models.firing import RuleFailure, RuleJob, RuleReport, RuleState
from coders_queue.store import rules
from coders_queue.store.memory.events import EventLog


@dataclass
class _Rule:
    """One rule."""

    report: RuleReport
    jobs: dict[str, tuple[float, RuleJob]] = field(default_factory=dict)


class MemoryRules:
    """See :class:`~coders_queue.store.ruling.RuleStore`."""

    def __init__(self, lock: threading.Condition, clock: Clock, events: EventLog) -> None:
        self._lock = lock
        self._clock = clock
        self._events = events
        self._rules: dict[str, _Rule] = {}

    def begin(self, rule: str, position: str) -> RuleState:
        """The rule's state."""
        with self._lock:
            new = _Rule(RuleReport(state=RuleState(position=position)))
            return self._rules.setdefault(rule, new).report.state

    def commit(self, rule: str, state: RuleState, jobs: Sequence[RuleJob], *, expect: str) -> bool:
        """Move on to a new state and add jobs."""
        with self._lock:
            found = self._rules.get(rule)
            if found is None or found.report.state.position != expect:
                return False
            found.report = found.report.model_copy(update={"state": state})
            for job in jobs:
                found.jobs.setdefault(job.id, (min(job.at, self._clock()), job))
            return True

    def take(self, rule: str, until: float, limit: int, *, outward: bool) -> list[RuleJob]:
        """Jobs that are due."""
        with self._lock:
            jobs = self._rules[rule].jobs if rule in self._rules else {}
            now = self._clock()
            due = sorted(
                (at, one.id) for at, one in jobs.values() if at <= now and one.outward is outward
            )
            taken = [jobs[job_id][1] for _, job_id in due[:limit]]
            jobs.update({job.id: (until, job) for job in taken})
            return taken

    def job(self, rule: str, job_id: str) -> RuleJob | None:
        """A job that is still to be done."""
        with self._lock:
            found = self._rules.get(rule)
            return found.jobs[job_id][1] if found and job_id in found.jobs else None

    def put_off(self, job: RuleJob, due_at: float) -> bool:
        """Try it again then."""
        with self._lock:
            if self.job(job.rule, job.id) is None:
                return False
            self._rules[job.rule].jobs[job.id] = (due_at, job)
            return True

    def done(self, job: RuleJob, failure: RuleFailure | None = None) -> bool:
        """It was carried out, or given up."""
        with self._lock:
            if self.job(job.rule, job.id) is None:
                return False
            found = self._rules[job.rule]
            del found.jobs[job.id]
            before = found.report
            if failure is None:
                found.report = before.model_copy(update={"done": before.done + 1})
            else:
                changed = {"failed": before.failed + 1, "failure": failure}
                found.report = before.model_copy(update=changed)
            return True

    def report(self, rule: str) -> RuleReport | None:
        """All that is known of a rule."""
        with self._lock:
            found = self._rules.get(rule)
            if found is None:
                return None
            return found.report.model_copy(update={"pending": len(found.jobs)})

    def forgotten(self, position: str) -> bool:
        """Whether events after that place may be gone."""
        place = rules.event_place(position)
        if place == (0, 0):
            return False
        kept = [rules.event_place(one) for one in self._events.ids()]
        return bool(kept) and kept[0] > place
