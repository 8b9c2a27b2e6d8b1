"""MemoryStore: the whole contract without a server, safe for threads.

Owns leases and chords itself, which are small; sessions, events and hosts have files of their own.
Time is the clock's; only waiting for events takes real time.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coders_queue.clock import Clock, overdue, system_clock
from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admission, Admitted, Wait
from coders_queue.models.context import ContextLimits
from coders_queue.models.event import Event
from coders_queue.models.heartbeat import Heartbeat, HostHealth
from coders_queue.models.lifecycle import ENDED, State
from coders_queue.models.limit import Limit
from coders_queue.models.message import MailboxLimits
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store import rules
from coders_queue.store.approvals import Approvals
from coders_queue.store.memory.admissions import Admissions
from coders_queue.store.memory.approvals import MemoryShelf
from coders_queue.store.memory.contexts import Contexts
from coders_queue.store.memory.events import EventLog
from coders_queue.store.memory.families import Families
from coders_queue.store.memory.flows import MemoryFlows
from coders_queue.store.memory.hosts import Hosts
from coders_queue.store.memory.mailboxes import Mailboxes
from coders_queue.store.memory.ruling import MemoryRules
from coders_queue.store.memory.sessions import Sessions

_NOT_IN_LISTS: dict[str, Any] = {"inputs": (), "publish": None, "request": None}


class MemoryStore:
    """The store of one process. See :class:`~coders_queue.store.base.Store`."""

    def __init__(
        self,
        *,
        clock: Clock = system_clock,
        retention: float = rules.RETENTION,
        max_events: int = rules.MAX_EVENTS,
        context: ContextLimits | None = None,
        mailboxes: MailboxLimits | None = None,
    ) -> None:
        self._lock = threading.Condition(threading.RLock())
        self._clock = clock
        self._retention = retention
        self._events = EventLog(self._lock, clock, max_events)
        self._sessions = Sessions(self._lock, clock, self._events, retention)
        self._admissions = Admissions(self._lock, clock, self._sessions)
        self._leases: dict[str, tuple[str, float]] = {}
        self._hosts = Hosts(self._lock, clock)
        self._chords: dict[str, tuple[str, float]] = {}
        self.flows = MemoryFlows(self._lock, clock)
        self.rules = MemoryRules(self._lock, clock, self._events)
        self.context = Contexts(self._lock, clock, context or ContextLimits())
        self.approvals = Approvals(MemoryShelf(self._lock, self._events), clock)
        self.families = Families(self._lock)
        self.mailboxes = Mailboxes(
            self._lock, clock, mailboxes or MailboxLimits(), self._state_of, self._events
        )

    def _state_of(self, session_id: str) -> State | None:
        record = self._sessions.get(session_id)
        return None if record is None else record.state

    # -- sessions ------------------------------------------------------------------------------

    def take_in(self, records: Iterable[SessionRecord]) -> None:
        """Have records as they are: what another store knows, which is away."""
        for record in records:
            self._sessions.take_in(record)

    def submit(
        self,
        session_id: str,
        spec: SessionSpec,
        *,
        host: str | None = None,
        inputs: Sequence[Any] = (),
        publish: Mapping[str, Any] | None = None,
        capacity: int | None = None,
        begun_at: float | None = None,
    ) -> SessionRecord:
        """Write a new session."""
        return self._sessions.submit(session_id, spec, host, inputs, publish, capacity, begun_at)

    def attach_request(
        self, session_id: str, request: Mapping[str, Any], inputs: Sequence[Any] = ()
    ) -> bool:
        """Save the Celery request context, once."""
        return self._sessions.attach_request(session_id, request, inputs)

    def assign(
        self,
        session_id: str,
        host: str,
        *,
        capacity: int | None = None,
        begun: bool = False,
        waited: bool = False,
    ) -> int | None:
        """Give a queued session to a host; the attempt's number."""
        return self._sessions.assign(session_id, host, capacity, begun, waited)

    def admit(self, hosts: Mapping[str, int]) -> Admitted | Wait:
        """Give the session whose turn it is to a host."""
        return self._sessions.admit(hosts)

    def prioritize(self, session_id: str, priority: int) -> bool:
        """Change the priority of a session that waits."""
        return self._sessions.prioritize(session_id, priority)

    def redirect(self, session_id: str, agent: str) -> bool:
        """Have a session that waits carried out by another agent."""
        return self._sessions.redirect(session_id, agent)

    def move(
        self,
        session_id: str,
        attempt: int,
        target: State,
        *,
        pid: int | None = None,
        started_at: float | None = None,
        agent_version: str | None = None,
    ) -> bool:
        """A legal move of the current attempt."""
        return self._sessions.move(session_id, attempt, target, pid, started_at, agent_version)

    def requeue(
        self,
        session_id: str,
        end: AttemptEnd,
        *,
        due_at: float | None = None,
        only_host: str | None = None,
        keeps_place: bool = False,
    ) -> bool:
        """The current attempt is over and another will follow."""
        return self._sessions.requeue(session_id, end, due_at, only_host, keeps_place)

    def note_activity(
        self, session_id: str, attempt: int, activity: Activity, *, tell: bool = True
    ) -> bool:
        """Keep what the agent is doing."""
        return self._sessions.note_activity(session_id, attempt, activity, tell)

    def request_cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        """Ask for the end, durably."""
        return self._sessions.request_cancel(session_id, reason)

    def finish(self, session_id: str, attempt: int, outcome: Outcome) -> bool:
        """End the current attempt and its session."""
        return self._sessions.finish(session_id, attempt, outcome)

    def settle(self, session_id: str) -> bool:
        """Celery has delivered the result."""
        return self._sessions.settle(session_id)

    def mark_archived(self, session_id: str, attempt: int) -> bool:
        """The attempt's archive is complete."""
        return self._sessions.mark_archived(session_id, attempt)

    def get(self, session_id: str) -> SessionRecord | None:
        """One whole record."""
        return self._sessions.get(session_id)

    def list(
        self,
        *,
        live: bool | None = None,
        host: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
    ) -> builtins.list[SessionRecord]:
        """Records, latest creation first."""
        found = [
            record.model_copy(update=_NOT_IN_LISTS)
            for record in self._sessions.all()
            if (live is None or live != (record.state in ENDED))
            and (host is None or record.host == host)
            and (owner is None or record.spec.owner == owner)
        ]
        return found[:limit]

    def get_many(self, session_ids: Iterable[str]) -> dict[str, SessionRecord]:
        """Records by id."""
        found = ((session_id, self._sessions.get(session_id)) for session_id in session_ids)
        return {
            session_id: record.model_copy(update=_NOT_IN_LISTS)
            for session_id, record in found
            if record is not None
        }

    def resolve(self, reference: str) -> str:
        """The session that an id, a name or a prefix means."""
        return self._sessions.resolve(reference)

    def queued(self, limit: int = 1000) -> builtins.list[str]:
        """Sessions that wait for a host."""
        waiting = [one.id for one in self._sessions.all() if one.state is State.QUEUED]
        return waiting[::-1][: max(0, limit)]

    def unsettled(self, limit: int = 1000) -> builtins.list[SessionRecord]:
        """Ended sessions whose result is not delivered."""
        return self._sessions.unsettled(limit)

    # -- events --------------------------------------------------------------------------------

    def record_event(
        self, session_id: str, attempt: int, kind: str, data: Mapping[str, Any] | None = None
    ) -> str:
        """Append an event that changes no state."""
        with self._lock:
            record = self._sessions.get(session_id)
            host = record.host if record else None
            return self._events.append(session_id, attempt, kind, host, data or {})

    def last_event_id(self) -> str:
        """The newest event's id."""
        return self._events.last_id()

    def events(
        self, after: str = "0-0", *, limit: int = 1000, block: float | None = None
    ) -> builtins.list[Event]:
        """Events later than ``after``."""
        return self._events.after(after, limit, block)

    # -- quorums -------------------------------------------------------------------------------

    def quorum_rest(self, group: str) -> builtins.list[str]:
        """Live sessions of the group that are no longer wanted."""
        with self._lock:
            return self._sessions.quorums.rest(group)

    def quorums(self) -> builtins.list[str]:
        """Groups whose quorum is reached and of which a session lives."""
        with self._lock:
            return self._sessions.quorums.reached()

    # -- leases --------------------------------------------------------------------------------

    def acquire_lease(self, name: str, holder: str, ttl: float) -> bool:
        """Take or renew a lease."""
        with self._lock:
            if self.lease_holder(name) not in (None, holder):
                return False
            self._leases[name] = (holder, self._clock() + ttl)
            return True

    def release_lease(self, name: str, holder: str) -> bool:
        """Give up one's own lease."""
        with self._lock:
            if self.lease_holder(name) != holder:
                return False
            del self._leases[name]
            return True

    def lease_holder(self, name: str) -> str | None:
        """Who holds it now."""
        with self._lock:
            holder, until = self._leases.get(name, ("", 0.0))
            return holder if until > self._clock() else None

    # -- hosts ---------------------------------------------------------------------------------

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        """Take in a heartbeat."""
        return self._hosts.beat(heartbeat, ttl)

    def health(self) -> dict[str, HostHealth]:
        """Hosts that were heard of within a day."""
        return self._hosts.health()

    def hosts(self) -> dict[str, dict[str, Any]]:
        """The hosts that are here now."""
        return self._hosts.here()

    def live_count(self, hosts: Iterable[str]) -> dict[str, int]:
        """Sessions on each host that have not ended."""
        return self._sessions.live_on(hosts)

    # -- chords --------------------------------------------------------------------------------

    def watch_chord(self, body_id: str, member_id: str) -> None:
        """Remember a chord by one of its members."""
        with self._lock:
            self._chords.setdefault(body_id, (member_id, self._clock()))

    def watched_chords(self, older_than: float) -> dict[str, str]:
        """Chords watched for at least that long."""
        with self._lock:
            now = self._clock()
            return {
                body: member
                for body, (member, at) in self._chords.items()
                if overdue(at, older_than, now)
            }

    def unwatch_chord(self, body_id: str) -> None:
        """Forget a chord."""
        with self._lock:
            self._chords.pop(body_id, None)

    # -- limits and shares ---------------------------------------------------------------------

    def set_limits(self, limits: Mapping[str, Limit | None]) -> None:
        """Set limits of the fleet, or remove them."""
        self._admissions.set_limits(limits)

    def set_shares(self, shares: Mapping[str, float | None]) -> None:
        """Set owners' weights, or remove them."""
        self._admissions.set_shares(shares)

    def configure(
        self, host: str, limits: Mapping[str, Limit], shares: Mapping[str, float]
    ) -> bool:
        """Take over what a host's configuration says anew."""
        return self._admissions.configure(host, limits, shares)

    def exhaust(self, account: str, until: float | None) -> None:
        """No session of the account starts until then."""
        self._admissions.exhaust(account, until)

    def admission(self) -> Admission:
        """All that decides on who starts next."""
        return self._admissions.admission()

    # -- upkeep --------------------------------------------------------------------------------

    def trim(self) -> int:
        """Forget which records expired; how many."""
        return self._sessions.trim()

    def ping(self) -> None:
        """Always there."""

    def close(self) -> None:
        """Nothing to let go of."""
