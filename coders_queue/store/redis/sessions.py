"""Writing session records: each write one script, checked, fenced and logged in one step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from coders_queue.clock import Clock
from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admitted, Wait
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store import codec, kinds, reference, rules
from coders_queue.store.redis.scripts import End, Scripts


class Sessions:
    """The writes of the contract that concern sessions."""

    def __init__(self, scripts: Scripts, clock: Clock, retention: float) -> None:
        self._scripts = scripts
        self._clock = clock
        self._retention = retention

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
        data = codec.dumps(kinds.about_spec(spec), "the event")
        answer, found = self._scripts.submit(
            session_id, now, fields, data, capacity, begun_at is not None
        )
        if answer == "full":
            return self.submit(session_id, spec, None, inputs, publish, None)
        if answer == "taken":
            raise reference.name_taken(str(spec.name), str(found))
        if answer == "exists":
            fields = codec.fields_of(cast("list[str | None]", found))
        wanted = {name: fields[name] for name in codec.FIELDS if name in fields}
        return codec.decode(session_id, wanted)

    def attach_request(
        self, session_id: str, request: Mapping[str, Any], inputs: Sequence[Any]
    ) -> bool:
        """See :meth:`Store.attach_request`."""
        kept = codec.dumps(dict(request), "the request")
        handed = codec.dumps(list(inputs), "the inputs") if inputs else ""
        return self._scripts.attach_request(session_id, self._clock(), kept, handed)

    def assign(
        self, session_id: str, host: str, capacity: int | None, begun: bool, waited: bool
    ) -> int | None:
        """See :meth:`Store.assign`."""
        return self._scripts.assign(
            session_id, self._clock(), host, capacity, begun=begun, waited=waited
        )

    def admit(self, hosts: Mapping[str, int]) -> Admitted | Wait:
        """See :meth:`Store.admit`."""
        answer = self._scripts.admit(self._clock(), hosts)
        return Admitted(*answer) if isinstance(answer, tuple) else Wait(answer)

    def prioritize(self, session_id: str, priority: int) -> bool:
        """See :meth:`Store.prioritize`."""
        rules.check_priority(priority)
        data = codec.dumps({"priority": priority}, "the event")
        return self._scripts.prioritize(session_id, self._clock(), priority, data)

    def redirect(self, record: SessionRecord, agent: str) -> bool:
        """See :meth:`Store.redirect`."""
        before = record.spec
        after = before.model_copy(update={"agent": agent})
        fields = codec.encode_new(after, record.created_at, (), None)
        data = codec.dumps(kinds.about_redirection(before.agent, agent), "the event")
        claims = (codec.encode_claim(before), fields["claim"])
        return self._scripts.redirect(record.id, self._clock(), claims, fields["spec"], data)

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
        now = self._clock()
        fields: dict[str, str] = {}
        if pid is not None:
            fields["pid"] = str(pid)
        if agent_version is not None:
            fields["agent_version"] = codec.dumps(agent_version, "the version")
        if started_at is not None:
            fields["started_at"] = codec.number(started_at)
        elif target is State.RUNNING:
            fields["started_at"] = codec.number(now)
        return self._scripts.move(session_id, now, attempt, target, fields)

    def requeue(
        self,
        session_id: str,
        end: AttemptEnd,
        due_at: float | None,
        only_host: str | None,
        keeps_place: bool,
    ) -> bool:
        """See :meth:`Store.requeue`."""
        # only the end of the current attempt changes it: the script's fence is this read's, too
        found = self._scripts.field(session_id, "history")
        ends = json.loads(found) if found else []
        ends = [*ends, end.model_dump(mode="json")][-rules.HISTORY :]
        fields = {"history": codec.dumps(ends, "the attempt's end")}
        if due_at is not None:
            fields["due_at"] = codec.number(due_at)
        if only_host is not None:
            fields["only_host"] = only_host
        data = codec.dumps(kinds.about_attempt(end, due_at), "the event")
        return self._scripts.requeue(
            session_id, self._clock(), end.attempt, data, fields, keeps_place=keeps_place
        )

    def note_activity(self, session_id: str, attempt: int, activity: Activity, tell: bool) -> bool:
        """See :meth:`Store.note_activity`."""
        kept = codec.dumps(activity.model_dump(mode="json"), "the activity")
        data = codec.dumps(kinds.about_activity(activity), "the event") if tell else None
        return self._scripts.note_activity(session_id, self._clock(), attempt, kept, data)

    def request_cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        """See :meth:`Store.request_cancel`."""
        now = self._clock()
        end = _end(rules.cancelled(session_id, reason), now)
        kept = codec.dumps(reason, "the reason")
        found = self._scripts.request_cancel(session_id, now, kept, end)
        return None if found is None else codec.decode(session_id, codec.fields_of(found))

    def finish(self, session_id: str, attempt: int, outcome: Outcome) -> bool:
        """See :meth:`Store.finish`."""
        now = self._clock()
        return self._scripts.finish(session_id, now, attempt, _end(outcome, now))

    def settle(self, session_id: str) -> bool:
        """See :meth:`Store.settle`."""
        return self._scripts.settle(session_id, self._clock(), self._retention)

    def mark_archived(self, session_id: str, attempt: int) -> bool:
        """See :meth:`Store.mark_archived`."""
        return self._scripts.mark_archived(session_id, self._clock(), attempt)


def _end(outcome: Outcome, now: float) -> End:
    return End(
        state=State(outcome.state),
        at=now if outcome.ended_at is None else outcome.ended_at,
        outcome=codec.encode_outcome(outcome),
        data=codec.dumps(kinds.about_outcome(outcome), "the event"),
    )
