"""Session records in memory: the lifecycle table, fencing, names and expiry as Redis has them."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coders_queue.clock import Clock
from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admitted, Wait
from coders_queue.models.lifecycle import ENDED, State, may_follow
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store import codec, keys, kinds, reference, rules
from coders_queue.store.memory.events import EventLog
from coders_queue.store.memory.quorums import Quorums
from coders_queue.store.memory.waiting import Waiting


class Sessions:
    """All records, each replaced whole by every write."""

    def __init__(
        self,
        lock: threading.Condition,
        clock: Clock,
        events: EventLog,
        retention: float,
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._events = events
        self._retention = retention
        self._records: dict[str, SessionRecord] = {}
        self._expires: dict[str, float] = {}
        self._expired: set[str] = set()
        self.waiting = Waiting(clock, self._records)
        self.quorums = Quorums(clock)

    # -- writing -------------------------------------------------------------------------------

    def take_in(self, record: SessionRecord) -> None:
        """Have a record as it is, with its place where it has one."""
        with self._lock:
            self._records[record.id] = record
            place = record.host if record.state.on_host else record.only_host
            if place is not None and not record.state.ended:
                self.waiting.limits.take(record, place)
            if record.state is State.QUEUED:
                self.waiting.stand(record)

    def submit(
        self,
        session_id: str,
        spec: SessionSpec,
        host: str | None,
        inputs: Sequence[Any],
        publish: Mapping[str, Any] | None,
        capacity: int | None,
        begun_at: float | None = None,
    ) -> SessionRecord:
        """See :meth:`Store.submit`."""
        now = self._clock() if begun_at is None else begun_at
        fields = codec.encode_new(spec, now, inputs, publish)
        fields |= {"state": State.QUEUED, "attempt": "0"}
        if host is not None:
            fields |= {"state": State.ASSIGNED, "attempt": "1", "host": host}
            fields["assigned_at"] = codec.number(now)
        wanted = {name: text for name, text in fields.items() if name in codec.FIELDS}
        with self._lock:
            known = self.get(session_id)
            if known is not None:
                return known
            holder = self._live_name(spec.name) if spec.name else None
            if spec.name and holder:
                raise reference.name_taken(spec.name, holder)
            record = codec.decode(session_id, wanted)
            if host is not None:
                if begun_at is None and (
                    self.waiting.full(host, capacity)
                    or self.waiting.limits.hindered(record, host) > 0
                    or self.waiting.choose([host], spec.priority) is not None
                ):
                    return self.submit(session_id, spec, None, inputs, publish, None)
                self.waiting.limits.take(record, host)
            self._records[session_id] = record
            self._expired.discard(session_id)
            self.quorums.join(record)
            self._note(record, kinds.of_state(record.state), kinds.about_spec(spec))
            return record

    def attach_request(
        self, session_id: str, request: Mapping[str, Any], inputs: Sequence[Any]
    ) -> bool:
        """See :meth:`Store.attach_request`."""
        kept = codec.through(dict(request), "the request")
        handed = tuple(codec.through(list(inputs), "the inputs"))
        with self._lock:
            record = self.get(session_id)
            if record is None or record.request is not None:
                return False
            record = self._put(record, request=kept, inputs=handed or record.inputs)
            if record.state is State.QUEUED:
                self.waiting.stand(record)
            return True

    def assign(
        self, session_id: str, host: str, capacity: int | None, begun: bool, waited: bool
    ) -> int | None:
        """See :meth:`Store.assign`."""
        with self._lock:
            record = self.get(session_id)
            if record is None or not may_follow(record.state, State.ASSIGNED):
                return None
            if record.only_host not in (None, host):
                return None
            if (record.due_at or 0.0) > self._clock() and not (begun or waited):
                return None
            limits = self.waiting.limits
            if limits.places.get(session_id) != host:
                free = not self.waiting.full(host, capacity)
                if not begun and not (free and limits.hindered(record, host) == 0):
                    return None
                limits.release(session_id)
                limits.take(record, host)
            self.waiting.line.leave(session_id)
            return self._give(record, host)

    def admit(self, hosts: Mapping[str, int]) -> Admitted | Wait:
        """See :meth:`Store.admit`."""
        with self._lock:
            waiting = self.waiting
            begun = waiting.due(hosts)
            if begun is not None:
                record, host = begun
                return Admitted(record.id, host, self._give(record, host))
            free = waiting.free(hosts)
            chosen = waiting.choose(free)
            if chosen is None:
                seconds = waiting.soonest(free)
                return Wait(None if math.isinf(seconds) else seconds)
            record, host = chosen
            waiting.limits.take(record, host)
            waiting.line.charge(record.id)
            waiting.line.leave(record.id)
            return Admitted(record.id, host, self._give(record, host))

    def prioritize(self, session_id: str, priority: int) -> bool:
        """See :meth:`Store.prioritize`."""
        rules.check_priority(priority)
        with self._lock:
            record = self.get(session_id)
            if record is None or record.state is not State.QUEUED:
                return False
            spec = record.spec.model_copy(update={"priority": priority})
            record = self._put(record, spec=spec)
            if session_id in self.waiting.line:
                self.waiting.stand(record)
            self._note(record, kinds.PRIORITIZED, {"priority": priority})
            return True

    def redirect(self, session_id: str, agent: str) -> bool:
        """See :meth:`Store.redirect`."""
        with self._lock:
            record = self.get(session_id)
            if record is None or record.state is not State.QUEUED or record.attempt:
                return False
            data = kinds.about_redirection(record.spec.agent, agent)
            spec = record.spec.model_copy(update={"agent": agent})
            record = self._put(record, spec=spec)
            if session_id in self.waiting.line:
                self.waiting.stand(record)
            self._note(record, kinds.REDIRECTED, data)
            return True

    def move(
        self,
        session_id: str,
        attempt: int,
        target: State,
        pid: int | None,
        started_at: float | None,
        agent_version: str | None,
    ) -> bool:
        """See :meth:`Store.move`."""
        rules.check_target(target)
        with self._lock:
            record = self._movable(session_id, attempt, target)
            if record is None:
                return False
            changes: dict[str, Any] = {"state": target}
            if pid is not None:
                changes["pid"] = pid
            if agent_version is not None:
                changes["agent_version"] = codec.through(agent_version, "the version")
            if started_at is not None:
                changes["started_at"] = float(codec.number(started_at))
            elif target is State.RUNNING:
                changes["started_at"] = self._clock()
            if target is State.QUEUED:
                changes |= dict.fromkeys(rules.OF_AN_ATTEMPT)
            moved = self._put(record, **changes)
            if target is State.QUEUED:
                self.waiting.limits.release(session_id)
                self.waiting.stand(moved)
            self._note(record, kinds.of_state(target))
            return True

    def requeue(
        self,
        session_id: str,
        end: AttemptEnd,
        due_at: float | None,
        only_host: str | None,
        keeps_place: bool,
    ) -> bool:
        """See :meth:`Store.requeue`."""
        due_at = None if due_at is None else float(codec.number(due_at))
        with self._lock:
            record = self._movable(session_id, end.attempt, State.QUEUED)
            if record is None or record.cancel_reason is not None:
                return False
            changes: dict[str, Any] = dict.fromkeys(rules.OF_AN_ATTEMPT)
            changes |= {"state": State.QUEUED, "due_at": due_at, "only_host": only_host}
            moved = self._put(record, **changes, history=(*record.history, end)[-rules.HISTORY :])
            if not keeps_place:
                self.waiting.limits.release(session_id)
            self.waiting.stand(moved)
            self._note(record, kinds.REQUEUED, kinds.about_attempt(end, due_at))
            return True

    def note_activity(self, session_id: str, attempt: int, activity: Activity, tell: bool) -> bool:
        """See :meth:`Store.note_activity`."""
        with self._lock:
            record = self.get(session_id)
            if record is None or record.attempt != attempt or record.state not in rules.ACTIVE:
                return False
            self._put(record, activity=activity)
            if tell:
                self._note(record, kinds.ACTIVITY, kinds.about_activity(activity))
            return True

    def request_cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        """See :meth:`Store.request_cancel`."""
        with self._lock:
            record = self.get(session_id)
            if record is None:
                return None
            if record.state in rules.ENDS_AT_ONCE:
                first = reason if record.cancel_reason is None else record.cancel_reason
                record = self._put(record, cancel_reason=first)
                return self._end(record, rules.cancelled(session_id, reason))
            if record.state in rules.HOST_ACTS and record.cancel_reason is None:
                record = self._put(record, cancel_reason=reason)
                self._note(record, kinds.CANCEL_REQUESTED)
            return record

    def finish(self, session_id: str, attempt: int, outcome: Outcome) -> bool:
        """See :meth:`Store.finish`."""
        codec.encode_outcome(outcome)
        if outcome.ended_at is not None:
            codec.number(outcome.ended_at)
        with self._lock:
            record = self._movable(session_id, attempt, State(outcome.state))
            if record is None:
                return False
            self._end(record, outcome)
            return True

    def settle(self, session_id: str) -> bool:
        """See :meth:`Store.settle`."""
        with self._lock:
            record = self.get(session_id)
            if record is None or record.state not in ENDED or record.settled:
                return False
            self._expires[session_id] = self._clock() + self._retention
            request = record.request
            if request is not None and request.get("group") is None:
                request = {}
            record = self._put(record, settled=True, publish=None, request=request)
            self._note(record, kinds.SETTLED)
            return True

    def mark_archived(self, session_id: str, attempt: int) -> bool:
        """See :meth:`Store.mark_archived`."""
        with self._lock:
            record = self.get(session_id)
            if record is None or attempt > record.attempt or attempt in record.archived:
                return False
            record = self._put(record, archived=(*record.archived, attempt))
            self._events.append(session_id, attempt, kinds.ARCHIVED, record.host, {})
            return True

    # -- reading -------------------------------------------------------------------------------

    def get(self, session_id: str) -> SessionRecord | None:
        """See :meth:`Store.get`."""
        with self._lock:
            if self._expires.get(session_id, float("inf")) <= self._clock():
                del self._expires[session_id], self._records[session_id]
                self._expired.add(session_id)
            return self._records.get(session_id)

    def all(self) -> list[SessionRecord]:
        """Every record that has not expired, latest creation first."""
        with self._lock:
            found = [self.get(session_id) for session_id in list(self._records)]
            return sorted(
                (record for record in found if record is not None),
                key=lambda record: (record.created_at, record.id),
                reverse=True,
            )

    def resolve(self, text: str) -> str:
        """See :meth:`Store.resolve`."""
        with self._lock:
            if not text:
                raise reference.not_found(text)
            if self.get(text) is not None:
                return text
            live = self._live_name(text)
            if live is not None:
                return live
            records = self.all()
            named = [
                keys.ended_name(text, record.ended_at or 0.0, record.id)
                for record in records
                if record.state in ENDED and record.spec.name == text
            ]
            if named:
                return max(named).rpartition(" ")[2]
            fitting = sorted(
                (record.id, record.spec.name) for record in records if record.id.startswith(text)
            )
        if not fitting:
            raise reference.not_found(text)
        if len(fitting) > 1:
            shown = fitting[: reference.SHOWN]
            raise reference.ambiguous(text, shown, len(fitting) > len(shown))
        return fitting[0][0]

    def unsettled(self, limit: int) -> list[SessionRecord]:
        """See :meth:`Store.unsettled`."""
        waiting = [record for record in self.all() if record.state in ENDED and not record.settled]
        return sorted(waiting, key=lambda record: (record.ended_at or 0.0, record.id))[:limit]

    def live_on(self, hosts: Iterable[str]) -> dict[str, int]:
        """See :meth:`Store.live_count`."""
        with self._lock:
            return {host: self.waiting.limits.on_host(host) for host in hosts}

    def trim(self) -> int:
        """See :meth:`Store.trim`."""
        with self._lock:
            self.all()
            dropped = len(self._expired)
            self._expired.clear()
            return dropped

    # -- inside --------------------------------------------------------------------------------

    def _movable(self, session_id: str, attempt: int, target: State) -> SessionRecord | None:
        record = self.get(session_id)
        if record is None or record.attempt != attempt or not may_follow(record.state, target):
            return None
        return record

    def _put(self, record: SessionRecord, **changes: Any) -> SessionRecord:
        changed = record.model_copy(update=changes)
        self._records[record.id] = changed
        return changed

    def _end(self, record: SessionRecord, outcome: Outcome) -> SessionRecord:
        state = State(outcome.state)
        self.waiting.end(record)
        self.quorums.leave(record, state)
        ended_at = self._clock() if outcome.ended_at is None else float(outcome.ended_at)
        blank = record.spec.model_copy(update={"env": dict.fromkeys(record.spec.env, "")})
        kept = Outcome.model_validate(codec.through(outcome.model_dump(), "the outcome"))
        ended = record.model_copy(
            update={"state": state, "ended_at": ended_at, "pid": None, "spec": blank}
        )
        ended = self._put(ended, outcome=codec.completed(kept, ended))
        self._note(ended, kinds.of_state(state), kinds.about_outcome(outcome))
        return ended

    def _give(self, record: SessionRecord, host: str) -> int:
        record = self._put(
            record,
            state=State.ASSIGNED,
            attempt=record.attempt + 1,
            host=host,
            assigned_at=self._clock(),
            due_at=None,
            only_host=None,
        )
        self._note(record, kinds.of_state(State.ASSIGNED))
        return record.attempt

    def _live_name(self, name: str) -> str | None:
        for record in self._records.values():
            if record.spec.name == name and record.state not in ENDED:
                return record.id
        return None

    def _note(
        self, record: SessionRecord, kind: str, data: Mapping[str, Any] | None = None
    ) -> None:
        self._events.append(record.id, record.attempt, kind, record.host, data or {})
