"""Carries flows forward: decides on what is known, and has sessions submitted and cancelled.

Knows the store and a way to submit a session, and nothing of Celery. Every method may be called
twice, at once and late: a decision is written down only while the log is as it was when it was
made, and the id of a session follows from its run. What is lost with a process, :meth:`reconcile`
finds again.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

import structlog

from coders_queue import errors
from coders_queue.clock import Clock, system_clock
from coders_queue.flows.decide import Plan, decide, remake
from coders_queue.flows.decision import Decision, Start
from coders_queue.flows.facts import Facts, RunKey
from coders_queue.flows.log import Log
from coders_queue.flows.submission import Submission
from coders_queue.models.flow import FlowRecord, FlowState, Halted, RunsStarted
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: How long one process decides on a flow before another may, seconds.
_LEASE = 30.0
#: How many flows a process remembers what it has read of.
_KNOWN = 32
#: How often a decision is made anew because the log grew meanwhile, before others have a turn.
_TRIES = 100


class Sessions(Protocol):
    """How runs become sessions, and end."""

    def submit(
        self, flow: FlowRecord, start: Start, session_id: str, inputs: list[Outcome]
    ) -> None:
        """Submit a run's session; twice is once. Its end is told to :meth:`Flows.ended`."""

    def cancel(self, session_id: str, reason: str) -> None:
        """End it, queued or running; one that does not exist is none."""


@dataclass(frozen=True)
class Turn:
    """Who decides on a flow just now, by the lease that it has."""

    name: str
    holder: str


@dataclass
class _Known:
    """What this process has read of a flow."""

    record: FlowRecord
    plan: Plan
    log: Log = field(default_factory=Log)
    outcomes: dict[RunKey, Outcome] = field(default_factory=dict)


class Flows:
    """Moves flows along."""

    def __init__(self, store: Store, sessions: Sessions, clock: Clock = system_clock) -> None:
        self._store = store
        self._sessions = sessions
        self.clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def submit(self, record: FlowRecord) -> FlowRecord:
        """Write a flow down and begin it."""
        kept = self._store.flows.submit(record)
        self.advance(record.id)
        return kept

    def ended(self, flow_id: str, run: str, outcome: Outcome) -> None:
        """A run's session has ended."""
        self._store.flows.end_run(flow_id, run, outcome)
        self.advance(flow_id)

    def cancel(self, flow_id: str, reason: str) -> bool:
        """End a flow with all its sessions; False when it is over."""
        done = self._store.flows.append(flow_id, Halted(why="cancelled", message=reason))
        self.advance(flow_id)
        return done

    def resume(self, flow_id: str) -> bool:
        """Try again what failed or was cancelled; False for a flow that is in no such state."""
        done = self._store.flows.resume(flow_id)
        if done:
            with self._lock:
                self._known.pop(flow_id, None)
            self.advance(flow_id)
        return done

    def view(self, record: FlowRecord) -> tuple[Plan, Decision]:
        """A flow, and how each step of it stands."""
        known = self._take_known(record.id) or _Known(
            record, Plan(Submission.load(record.submission))
        )
        self._take(known)
        decision = self._decide(known)
        self._keep(known)
        return known.plan, decision

    def advance(self, flow_id: str, *, mend: bool = False) -> None:
        """Do what follows from what is known; with ``mend`` find what got lost, too.

        One process at a time does it for a flow: another's entries are in the log before it asks,
        and whoever is at it looks at the log's length when it lets go.
        """
        flows, name = self._store.flows, f"flow:{flow_id}"
        for _ in range(_TRIES):
            holder = uuid.uuid4().hex
            if not self._store.acquire_lease(name, holder, _LEASE):
                return
            try:
                seen = self._turn(flow_id, Turn(name, holder), mend)
            finally:
                self._store.release_lease(name, holder)
            if seen is None or flows.length(flow_id) == seen:
                return

    def reconcile(self) -> int:
        """Find what got lost, and flows whose time is over; how many flows there are."""
        live = self._store.flows.live()
        for flow_id in live:
            try:
                self.advance(flow_id, mend=True)
            except errors.Unavailable:
                raise
            except errors.CodersError as error:  # the others go on
                log.warning("flow_not_advanced", flow=flow_id, cause=str(error))
        return len(live)

    # -- one decision --------------------------------------------------------------------------

    def _turn(self, flow_id: str, turn: Turn, mend: bool) -> int | None:
        """Decide once and do it; how long the log was, None for a flow that is over."""
        known = self._read(flow_id)
        if known is None:
            return None
        if mend:
            self._mend(known, turn)
        decision = self._decide(known)
        seen = known.log.length
        if decision.over:
            return None if self._finish(known, decision, seen) else seen
        if decision.starts:
            entry = RunsStarted(runs=tuple(str(one.key) for one in decision.starts))
            if self._store.flows.append(flow_id, entry, expect=seen):
                self._take(known)
                self._submit(known, turn, decision.starts)
                seen += 1
        for key in decision.cancels:
            reason = decision.cause or "its flow does not need it any more"
            self._sessions.cancel(key.session_id(flow_id), reason)
        self._keep(known)
        return seen

    def _finish(self, known: _Known, decision: Decision, seen: int) -> bool:
        state = cast(FlowState, decision.state)
        done = self._store.flows.finish(
            known.record.id, state, decision.cause, decision.result, expect=seen
        )
        if done:
            log.info("flow_ended", flow=known.record.id, state=state, cause=decision.cause)
        return done

    def _submit(self, known: _Known, turn: Turn, starts: Iterable[Start]) -> None:
        flow = known.record
        for start in starts:
            if self._store.lease_holder(turn.name) != turn.holder:
                return  # it took too long: somebody else sees to the rest
            session_id = start.key.session_id(flow.id)
            try:
                outcomes = [self._outcome(known, key) for key in start.inputs]
                self._sessions.submit(flow, start, session_id, outcomes)
            except errors.UsageError as error:
                self._give_up(flow.id, start.key, "failed", Cause(kind="spawn", message=str(error)))

    def _mend(self, known: _Known, turn: Turn) -> None:
        """What became of runs whose end nobody told, and of those that never became sessions."""
        flow = known.record
        began, limit = flow.resumed_at or flow.created_at, known.plan.flow.timeout
        if limit is not None and not known.log.halted and self.clock() - began > limit:
            text = f"it took longer than {limit:g} s"
            self._store.flows.append(flow.id, Halted(why="timeout", message=text))
        sessions = {key.session_id(flow.id): key for key in known.log.open}
        found = self._store.get_many(list(sessions))
        for session_id, record in found.items():
            if record.outcome is not None:
                self._store.flows.end_run(flow.id, str(sessions[session_id]), record.outcome)
        self._take(known)
        missing = [key for one, key in sessions.items() if one not in found]
        if missing:
            wanted = set(self._decide(known).again)
            lost = [key for key in missing if key in wanted]
            self._submit(known, turn, remake(known.plan, self._facts(known), lost))
            why = Cause(kind="cancelled", message="it was not needed any more when it was to begin")
            for key in set(missing) - wanted:
                self._give_up(flow.id, key, "cancelled", why)
            self._take(known)

    def _give_up(
        self, flow_id: str, key: RunKey, state: Literal["failed", "cancelled"], cause: Cause
    ) -> None:
        """A run that never becomes a session."""
        session_id = key.session_id(flow_id)
        outcome = Outcome(id=session_id, state=state, cause=cause, ended_at=self.clock())
        self._store.flows.end_run(flow_id, str(key), outcome)

    # -- what is known of a flow ---------------------------------------------------------------

    def _read(self, flow_id: str) -> _Known | None:
        """What is known of a flow that is not over. Until it is kept again it is nobody else's."""
        known = self._take_known(flow_id)
        if known is None:
            record = self._store.flows.get(flow_id)
            if record is None or record.state != "running":
                return None
            known = _Known(record, Plan(Submission.load(record.submission)))
        self._take(known)
        return known

    def _take_known(self, flow_id: str) -> _Known | None:
        with self._lock:
            return self._known.pop(flow_id, None)

    def _take(self, known: _Known) -> None:
        known.log.take(self._store.flows.entries(known.record.id, known.log.length))

    def _keep(self, known: _Known) -> None:
        with self._lock:
            self._known[known.record.id] = known
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    def _decide(self, known: _Known) -> Decision:
        return decide(known.plan, self._facts(known))

    def _facts(self, known: _Known) -> Facts:
        return known.log.facts(lambda key: self._outcome(known, key))

    def _outcome(self, known: _Known, key: RunKey) -> Outcome:
        found = known.outcomes.get(key)
        if found is None:
            found = self._store.flows.outcome(known.record.id, str(key))
            if found is None:
                raise errors.NotFound(f"flow {known.record.id} lost the outcome of {key}")
            known.outcomes[key] = found
        return found
