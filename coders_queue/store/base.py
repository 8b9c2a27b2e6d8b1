"""The store's contract: what Redis and the in-memory twin both do.

Every write that changes a session is atomic, checks the lifecycle table, is fenced by the attempt
number, and appends its event in the same step. Nothing here knows Celery.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admission, Admitted, Wait
from coders_queue.models.event import Event
from coders_queue.models.heartbeat import Heartbeat, HostHealth
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store.approvals import Approvals
from coders_queue.store.context import ContextStore
from coders_queue.store.families import FamilyStore
from coders_queue.store.flows import FlowStore
from coders_queue.store.mailboxes import MailboxStore
from coders_queue.store.ruling import RuleStore


class Store(Protocol):
    """Sessions, names, leases, events."""

    @property
    def flows(self) -> FlowStore:
        """Flows of sessions."""
        ...

    # -- sessions: writing ---------------------------------------------------------------------

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
        """Write a new session as QUEUED, or with ``host`` straight as ASSIGNED (attempt 1).

        Where that host has ``capacity`` live sessions already, where a limit or an exhausted
        account forbids it, or somebody waits who goes before, it becomes QUEUED all the same.
        With ``begun_at`` (epoch seconds) that host began it then, while the store was away: nothing
        forbids it any more.
        ``publish`` holds the options its message is sent with, so that a lost one can be repeated.
        A second call with the same id changes nothing and returns the record as it is.
        Raises Conflict when ``spec.name`` belongs to another live session; nothing is written then.
        """
        ...

    def attach_request(
        self, session_id: str, request: Mapping[str, Any], inputs: Sequence[Any] = ()
    ) -> bool:
        """Save the Celery request context, once; False when there was one already.

        From then on a QUEUED session waits for its turn (see :meth:`admit`).
        """
        ...

    def assign(
        self,
        session_id: str,
        host: str,
        *,
        capacity: int | None = None,
        begun: bool = False,
        waited: bool = False,
    ) -> int | None:
        """QUEUED -> ASSIGNED on ``host`` with the next attempt number, which is returned.

        None when the session is not QUEUED (someone else was first, or it was cancelled), not due
        yet or for another host only, when the host has ``capacity`` live sessions already, and
        when a limit or an exhausted account forbids it. Nobody's turn counts: see :meth:`admit`.
        With ``begun`` the host runs it already, since the store was away: it is counted, and
        neither room nor a limit nor a time forbids it any more. With ``waited`` the caller has
        waited until it was due, by a clock that nobody sets.
        """
        ...

    def admit(self, hosts: Mapping[str, int]) -> Admitted | Wait:
        """Give the session whose turn it is to one of ``hosts``, by name with their capacity.

        Turns come by priority, among owners by their shares, among an owner's by age; those that a
        limit, an account or a host holds up are passed over. One that keeps its place gets it back
        as soon as it is due. Of several hosts the emptiest takes it. All of it in one step: no
        limit is ever passed.
        """
        ...

    def prioritize(self, session_id: str, priority: int) -> bool:
        """Change the priority of a QUEUED session; False for any other. Raises UsageError."""
        ...

    def redirect(self, session_id: str, agent: str) -> bool:
        """Have another agent carry out a QUEUED session that has never begun; False for others."""
        ...

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
        """A legal move of the current attempt to a state that is not an end.

        False when the table forbids it, the attempt is not the current one, or there is no such
        session: nothing is changed then. QUEUED as the target clears the host, the times of the
        attempt and the process. Raises ValueError for an end and for ASSIGNED, which have methods
        of their own.
        """
        ...

    def requeue(
        self,
        session_id: str,
        end: AttemptEnd,
        *,
        due_at: float | None = None,
        only_host: str | None = None,
        keeps_place: bool = False,
    ) -> bool:
        """The current attempt, ``end.attempt``, is over and another will follow: -> QUEUED.

        ``due_at`` and ``only_host`` bound when and where :meth:`assign` gives it away again. With
        ``keeps_place`` the host and all limits go on counting it, so that nothing but time is
        between it and its next attempt. The
        end goes to the record's history. False under the same conditions as :meth:`move`, and when
        the session's end was asked for: a killed session never comes back.
        """
        ...

    def note_activity(
        self, session_id: str, attempt: int, activity: Activity, *, tell: bool = True
    ) -> bool:
        """Keep what the current attempt's agent is doing; with ``tell``, as an event too.

        False unless it is RUNNING and the attempt the current one.
        """
        ...

    def request_cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        """Ask for the end, durably. QUEUED sessions end at once as CANCELLED.

        For those on a host ``cancel_reason`` is set (the first reason stays) and the host acts.
        Returns the record after it, None for an unknown id. An ended session is left as it is.
        """
        ...

    def finish(self, session_id: str, attempt: int, outcome: Outcome) -> bool:
        """Move to the outcome's state and keep it; values of ``spec.env`` are dropped.

        Its name becomes free. False under the same conditions as :meth:`move`. The stored outcome
        carries the record's ``attempts``, host and times where the given one leaves them open.
        """
        ...

    def settle(self, session_id: str) -> bool:
        """Celery has delivered the result: note it, start the record's time to live; once True.

        ``publish`` goes, and ``request`` is emptied unless it is of a member of a group: they may
        carry the requests of what followed, with their environments.
        """
        ...

    def mark_archived(self, session_id: str, attempt: int) -> bool:
        """The attempt's archive is complete; once True."""
        ...

    # -- sessions: reading ---------------------------------------------------------------------

    def get(self, session_id: str) -> SessionRecord | None:
        """One whole record."""
        ...

    def list(
        self,
        *,
        live: bool | None = None,
        host: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
    ) -> builtins.list[SessionRecord]:
        """Records, latest creation first. ``live=True``: not ended; ``False``: ended; None: both.

        They come without ``inputs``, ``publish`` and ``request``. One that a newer version wrote is
        shown as far as this version reads it, with the label ``coders.newer`` saying what is not
        shown; :meth:`get` refuses it with a Conflict.
        """
        ...

    def get_many(self, session_ids: Iterable[str]) -> dict[str, SessionRecord]:
        """Records by id, read as in :meth:`list`; unknown ids are left out."""
        ...

    def resolve(self, reference: str) -> str:
        """The session id that a full id, a name or an unambiguous prefix of an id means.

        A live session's name goes before a prefix; an ended session is found by its name when no
        live one has it (the newest). Raises NotFound, or Ambiguous with the candidates named.
        """
        ...

    def queued(self, limit: int = 1000) -> builtins.list[str]:
        """Ids of QUEUED sessions, oldest first."""
        ...

    def unsettled(self, limit: int = 1000) -> builtins.list[SessionRecord]:
        """Ended sessions whose result Celery has not delivered, oldest end first; whole records."""
        ...

    # -- events --------------------------------------------------------------------------------

    def record_event(
        self, session_id: str, attempt: int, kind: str, data: Mapping[str, Any] | None = None
    ) -> str:
        """Append an event that changes no state; its id."""
        ...

    def last_event_id(self) -> str:
        """The newest event's id (``0-0`` when there is none). Take it, a snapshot, then follow."""
        ...

    def events(
        self, after: str = "0-0", *, limit: int = 1000, block: float | None = None
    ) -> builtins.list[Event]:
        """Events later than ``after``, oldest first; waits up to ``block`` seconds for one."""
        ...

    # -- quorums -------------------------------------------------------------------------------

    def quorum_rest(self, group: str) -> builtins.list[str]:
        """Live sessions of the group that are no longer wanted; none before its quorum is reached.

        Successes are counted in the step that writes the outcome. Who joins late is of the rest.
        """
        ...

    def quorums(self) -> builtins.list[str]:
        """Groups whose quorum is reached and of which a session lives."""
        ...

    # -- leases --------------------------------------------------------------------------------

    def acquire_lease(self, name: str, holder: str, ttl: float) -> bool:
        """Take or renew the lease for ``ttl`` seconds; False while another holder has it."""
        ...

    def release_lease(self, name: str, holder: str) -> bool:
        """Give it up; False (and nothing done) unless ``holder`` has it."""
        ...

    def lease_holder(self, name: str) -> str | None:
        """Who holds it now."""
        ...

    # -- hosts ---------------------------------------------------------------------------------

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        """Take in a heartbeat; the host is here, with its ``info``, for ``ttl`` seconds.

        False, and nothing done, for one that is older than the last, or the same again. A sequence
        of 1 begins anew: the host's worker was started.
        """
        ...

    def health(self) -> dict[str, HostHealth]:
        """Hosts that were heard of within a day, by name."""
        ...

    def hosts(self) -> dict[str, dict[str, Any]]:
        """The hosts that are here now, by name."""
        ...

    def live_count(self, hosts: Iterable[str]) -> dict[str, int]:
        """Sessions on each host that have not ended, and those whose place it keeps."""
        ...

    # -- chords --------------------------------------------------------------------------------

    def watch_chord(self, body_id: str, member_id: str) -> None:
        """Remember that ``member_id`` was a part of the chord whose body is ``body_id``."""
        ...

    def watched_chords(self, older_than: float) -> dict[str, str]:
        """Chords watched for at least that many seconds: body id to a member's id."""
        ...

    def unwatch_chord(self, body_id: str) -> None:
        """The body was sent: forget it."""
        ...

    # -- limits and shares ---------------------------------------------------------------------

    def set_limits(self, limits: Mapping[str, Limit | None]) -> None:
        """Set limits of the fleet by name, or with None remove them.

        A new one counts the sessions that have a place already; none of them is ended for it.
        """
        ...

    def set_shares(self, shares: Mapping[str, float | None]) -> None:
        """Set owners' weights, or with None remove them."""
        ...

    def configure(
        self, host: str, limits: Mapping[str, Limit], shares: Mapping[str, float]
    ) -> bool:
        """Take over what a host's configuration says, where it differs from what it said last.

        The last word counts, whoever's it is: what is unchanged here and was changed elsewhere
        stays as it is there. Whether anything was different.
        """
        ...

    def exhaust(self, account: str, until: float | None) -> None:
        """No session of the account (:attr:`SessionSpec.account`) starts until then; of several
        times the latest counts. None: from now on they may."""
        ...

    def admission(self) -> Admission:
        """All that decides on who starts next."""
        ...

    # -- rules ---------------------------------------------------------------------------------

    @property
    def rules(self) -> RuleStore:
        """How far rules have read, and what they have to do."""
        ...

    # -- what sessions share -------------------------------------------------------------------

    @property
    def context(self) -> ContextStore:
        """Spaces of facts, files and decisions."""
        ...

    @property
    def mailboxes(self) -> MailboxStore:
        """Messages that wait for sessions and people."""
        ...

    # -- what waits for a person ---------------------------------------------------------------

    @property
    def approvals(self) -> Approvals:
        """The one queue of it."""
        ...

    @property
    def families(self) -> FamilyStore:
        """Which sessions a session has begun."""
        ...

    # -- upkeep --------------------------------------------------------------------------------

    def trim(self) -> int:
        """Drop index entries whose record has expired; how many."""
        ...

    def ping(self) -> None:
        """Raises Unavailable when the store does not answer in its time limit."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
