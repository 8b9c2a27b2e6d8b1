"""RedisStore: the whole contract on one server, put together from its parts.

Holds no logic: writes, views, events, hosts, leases and chords have files of their own.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coders_queue.clock import Clock, system_clock
from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admission, Admitted, Wait
from coders_queue.models.context import ContextLimits
from coders_queue.models.event import Event
from coders_queue.models.heartbeat import Heartbeat, HostHealth
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.message import MailboxLimits
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store import rules
from coders_queue.store.approvals import Approvals
from coders_queue.store.connect import Client
from coders_queue.store.keys import Keys
from coders_queue.store.redis.admissions import Admissions
from coders_queue.store.redis.approvals import RedisShelf
from coders_queue.store.redis.contexts import Contexts
from coders_queue.store.redis.door import Door
from coders_queue.store.redis.events import Events
from coders_queue.store.redis.families import Families
from coders_queue.store.redis.flows import RedisFlows
from coders_queue.store.redis.hosts import Chords, Hosts, Leases
from coders_queue.store.redis.mailboxes import Mailboxes
from coders_queue.store.redis.quorums import Quorums
from coders_queue.store.redis.ruling import RedisRules
from coders_queue.store.redis.scripts import Scripts
from coders_queue.store.redis.sessions import Sessions
from coders_queue.store.redis.views import Views


class RedisStore:
    """The store all hosts share. See :class:`~coders_queue.store.base.Store`."""

    def __init__(
        self,
        client: Client,
        *,
        keys: Keys | None = None,
        clock: Clock = system_clock,
        retention: float = rules.RETENTION,
        max_events: int = rules.MAX_EVENTS,
        context: ContextLimits | None = None,
        mailboxes: MailboxLimits | None = None,
    ) -> None:
        names = keys or Keys()
        self._door = Door(client)
        scripts = Scripts(self._door, names, max_events)
        self._sessions = Sessions(scripts, clock, retention)
        self._views = Views(self._door, names, scripts)
        self._events = Events(self._door, names, scripts, clock)
        self._hosts = Hosts(self._door, names, scripts)
        self._admissions = Admissions(self._door, names, scripts, clock)
        self._leases = Leases(self._door, names, scripts)
        self._chords = Chords(self._door, names, clock, retention)
        self._quorums = Quorums(self._door, names)
        self.flows = RedisFlows(self._door, names, clock, retention)
        self.rules = RedisRules(self._door, names, clock)
        self.context = Contexts(self._door, names, clock, context or ContextLimits())
        self.families = Families(self._door, names, clock)
        self.mailboxes = Mailboxes(
            self._door, names, clock, mailboxes or MailboxLimits(), max_events
        )
        shelf = RedisShelf(self._door, names, clock, retention, max_events)
        self.approvals = Approvals(shelf, clock)

    # -- sessions ------------------------------------------------------------------------------

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
        record = self._views.get(session_id)
        return record is not None and self._sessions.redirect(record, agent)

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
        return self._views.get(session_id)

    def list(
        self,
        *,
        live: bool | None = None,
        host: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
    ) -> builtins.list[SessionRecord]:
        """Records, latest creation first."""
        return self._views.list(live, host, owner, limit)

    def get_many(self, session_ids: Iterable[str]) -> dict[str, SessionRecord]:
        """Records by id."""
        return self._views.get_many(session_ids)

    def resolve(self, reference: str) -> str:
        """The session that an id, a name or a prefix means."""
        return self._views.resolve(reference)

    def queued(self, limit: int = 1000) -> builtins.list[str]:
        """Sessions that wait for a host."""
        return self._views.queued(limit)

    def unsettled(self, limit: int = 1000) -> builtins.list[SessionRecord]:
        """Ended sessions whose result is not delivered."""
        return self._views.unsettled(limit)

    # -- events --------------------------------------------------------------------------------

    def record_event(
        self, session_id: str, attempt: int, kind: str, data: Mapping[str, Any] | None = None
    ) -> str:
        """Append an event that changes no state."""
        return self._events.record(session_id, attempt, kind, data)

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
        return self._quorums.rest(group)

    def quorums(self) -> builtins.list[str]:
        """Groups whose quorum is reached and of which a session lives."""
        return self._quorums.reached()

    # -- leases --------------------------------------------------------------------------------

    def acquire_lease(self, name: str, holder: str, ttl: float) -> bool:
        """Take or renew a lease."""
        return self._leases.acquire(name, holder, ttl)

    def release_lease(self, name: str, holder: str) -> bool:
        """Give up one's own lease."""
        return self._leases.release(name, holder)

    def lease_holder(self, name: str) -> str | None:
        """Who holds it now."""
        return self._leases.holder(name)

    # -- hosts ---------------------------------------------------------------------------------

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        """Take in a heartbeat."""
        return self._hosts.beat(heartbeat, ttl)

    def health(self) -> dict[str, HostHealth]:
        """Hosts that were heard of within a day."""
        return self._hosts.health()

    def hosts(self) -> dict[str, dict[str, Any]]:
        """The hosts that are here now."""
        return self._hosts.all()

    def live_count(self, hosts: Iterable[str]) -> dict[str, int]:
        """Sessions on each host that have not ended."""
        return self._views.live_count(hosts)

    # -- chords --------------------------------------------------------------------------------

    def watch_chord(self, body_id: str, member_id: str) -> None:
        """Remember a chord by one of its members."""
        self._chords.watch(body_id, member_id)

    def watched_chords(self, older_than: float) -> dict[str, str]:
        """Chords watched for at least that long."""
        return self._chords.watched(older_than)

    def unwatch_chord(self, body_id: str) -> None:
        """Forget a chord."""
        self._chords.unwatch(body_id)

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
        """Drop index entries whose record has expired; how many sessions."""
        self._admissions.trim()
        self.flows.trim()
        return self._views.trim()

    def ping(self) -> None:
        """Raises Unavailable when the server does not answer in its time limit."""
        self._door.call("PING")

    def close(self) -> None:
        """Let go of connections."""
        self._door.close()
