"""The store as a host's worker has it: the fleet's, and without it the host's own.

While the fleet's store answers, every call goes there. When it does not, the host goes on with what
it knows of its own sessions: every write is written down first, and done in the fleet's store when
that is back. Nothing waits for a store that is away but the one call that finds it out.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coders_queue import errors
from coders_queue.clock import Clock, system_clock
from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admission, Admitted, Wait
from coders_queue.models.event import Event
from coders_queue.models.heartbeat import Heartbeat, HostHealth
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.store.approvals import Approvals
from coders_queue.store.base import Store
from coders_workers.local_store import entries
from coders_workers.local_store.absence import Absence
from coders_workers.local_store.entries import Entry
from coders_workers.local_store.fleet_part import FleetPart
from coders_workers.local_store.notebook import Notebook
from coders_workers.local_store.shared import (
    FleetContext,
    FleetFamilies,
    FleetMailboxes,
    FleetShelf,
)


class LocalStore(FleetPart):
    """See the module. Thread-safe."""

    def __init__(
        self, fleet: Store, host: str, notebook: Notebook, clock: Clock = system_clock
    ) -> None:
        self._clock = clock
        super().__init__(Absence(fleet, host, notebook, clock))
        self.context = FleetContext(self._way)
        self.mailboxes = FleetMailboxes(self._way)
        self.approvals = Approvals(FleetShelf(self._way), clock)
        self.families = FleetFamilies(self._way)

    @property
    def away(self) -> bool:
        """Whether the fleet's store is away."""
        return self._way.away

    @property
    def fleet(self) -> Store:
        """The fleet's store alone, for what must not be decided by what one host knows."""
        return self._way.fleet

    @property
    def presence(self) -> int | None:
        """The number of this time for which the fleet's store is there; None while it is away."""
        returns = self._way.returns
        return None if self._way.away else returns

    def start(self) -> None:
        """Begin to keep a copy, and to look out for the store while it is away."""
        self._way.start()

    def degraded(self) -> dict[str, Any] | None:
        """Since when the store is away, why, and what is to be told it; None while it answers."""
        return self._way.degraded()

    def come_back(self) -> bool:
        """Tell the fleet's store what was done without it; False when it is away still."""
        return self._way.come_back()

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
        """See the contract."""

        def do(store: Store) -> SessionRecord:
            return store.submit(
                session_id, spec,
                host=host, inputs=inputs, publish=publish, capacity=capacity, begun_at=begun_at,
            )  # fmt: skip

        if self._way.own is None:
            returns = self._way.returns
            try:
                record = do(self._way.fleet)
            except errors.Unavailable as error:
                self._way.lost(error, returns)
            else:
                self._way.mirror.saw(record)
                self._way.mirror.changed(session_id)
                return record
        with self._way.turn:
            own = self._way.own
            if own is None:
                return do(self._way.fleet)
            known = own.get(session_id)
            if known is not None:
                return known
            at = self._clock()
            number = self._way.notebook.write(
                entries.submit(session_id, spec, at, host, inputs, publish)
            )
            try:
                record = do(own)
            except BaseException:
                self._way.notebook.strike(number)
                raise
            if record.host != host:  # there is no room: it waits
                self._way.notebook.strike(number)
                self._way.notebook.write(
                    entries.submit(session_id, spec, at, None, inputs, publish)
                )
            return record

    def assign(
        self,
        session_id: str,
        host: str,
        *,
        capacity: int | None = None,
        begun: bool = False,
        waited: bool = False,
    ) -> int | None:
        """See the contract."""
        return self._way.write(
            "assign", session_id, lambda: {"host": host},
            lambda store: store.assign(
                session_id, host, capacity=capacity, begun=begun, waited=waited
            ),
        )  # fmt: skip

    def admit(self, hosts: Mapping[str, int]) -> Admitted | Wait:
        """See the contract."""
        if self._way.own is None:
            returns = self._way.returns
            try:
                return self._way.fleet.admit(hosts)
            except errors.Unavailable as error:
                self._way.lost(error, returns)
        with self._way.turn:
            if self._way.own is None:
                return self._way.fleet.admit(hosts)
            answer = self._way.own.admit(hosts)
            if isinstance(answer, Admitted):
                self._way.notebook.write(Entry("assign", answer.session_id, {"host": answer.host}))
            return answer

    def prioritize(self, session_id: str, priority: int) -> bool:
        """See the contract."""
        return self._way.write(
            "prioritize", session_id, lambda: {"priority": priority},
            lambda store: store.prioritize(session_id, priority),
        )  # fmt: skip

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
        """See the contract."""
        rest: dict[str, Any] = {
            "pid": pid,
            "started_at": started_at,
            "agent_version": agent_version,
        }
        done = self._way.write(
            "move", session_id, lambda: {"attempt": attempt, "target": str(target), **rest},
            lambda store: store.move(session_id, attempt, target, **rest),
        )  # fmt: skip
        if done and not self.away:
            known = {name: value for name, value in rest.items() if value is not None}
            self._way.mirror.moved(session_id, attempt, {"state": target, **known})
        return done

    def requeue(
        self,
        session_id: str,
        end: AttemptEnd,
        *,
        due_at: float | None = None,
        only_host: str | None = None,
        keeps_place: bool = False,
    ) -> bool:
        """See the contract."""
        rest: dict[str, Any] = {
            "due_at": due_at,
            "only_host": only_host,
            "keeps_place": keeps_place,
        }
        return self._way.write(
            "requeue", session_id, lambda: {"end": end.model_dump(mode="json"), **rest},
            lambda store: store.requeue(session_id, end, **rest),
        )  # fmt: skip

    def note_activity(
        self, session_id: str, attempt: int, activity: Activity, *, tell: bool = True
    ) -> bool:
        """See the contract."""
        return self._way.write(
            "note_activity", session_id,
            lambda: {"attempt": attempt, "activity": activity.model_dump(mode="json")},
            lambda store: store.note_activity(session_id, attempt, activity, tell=tell),
        )  # fmt: skip

    def request_cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        """See the contract. Raises Unavailable as :meth:`get` does."""
        found = self._way.write(
            "request_cancel", session_id, lambda: {"reason": reason},
            lambda store: store.request_cancel(session_id, reason),
        )  # fmt: skip
        if found is None and self.away:
            raise _unknown(session_id)
        return found

    def finish(self, session_id: str, attempt: int, outcome: Outcome) -> bool:
        """See the contract."""
        done = self._way.write(
            "finish", session_id,
            lambda: {"attempt": attempt, "outcome": outcome.model_dump(mode="json")},
            lambda store: store.finish(session_id, attempt, outcome),
        )  # fmt: skip
        if done and not self.away:
            self._way.mirror.ended(session_id)
        return done

    def mark_archived(self, session_id: str, attempt: int) -> bool:
        """See the contract."""
        return self._way.write(
            "mark_archived", session_id, lambda: {"attempt": attempt},
            lambda store: store.mark_archived(session_id, attempt),
        )  # fmt: skip

    # -- sessions: reading ---------------------------------------------------------------------

    def get(self, session_id: str) -> SessionRecord | None:
        """See the contract. Raises Unavailable for one that is not known here while the fleet's
        store is away: that is no word on whether it exists."""
        asked: builtins.list[Store] = []

        def ask(store: Store) -> SessionRecord | None:
            asked.append(store)
            return store.get(session_id)

        found = self._way.read(ask)
        if asked[-1] is self._way.fleet:
            if found is not None:
                self._way.mirror.saw(found)
        elif found is None:
            raise _unknown(session_id)
        return found

    def list(
        self,
        *,
        live: bool | None = None,
        host: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
    ) -> builtins.list[SessionRecord]:
        """See the contract."""
        return self._way.read(
            lambda store: store.list(live=live, host=host, owner=owner, limit=limit)
        )

    def get_many(self, session_ids: Iterable[str]) -> dict[str, SessionRecord]:
        """See the contract."""
        ids = list(session_ids)
        return self._way.read(lambda store: store.get_many(ids))

    def resolve(self, reference: str) -> str:
        """See the contract."""
        try:
            return self._way.read(lambda store: store.resolve(reference))
        except errors.NotFound as error:
            if self._way.own is None:
                raise
            raise errors.NotFound(
                error.message,
                "the broker is away: only sessions of this host are known until it is back",
            ) from None

    def queued(self, limit: int = 1000) -> builtins.list[str]:
        """See the contract."""
        return self._way.read(lambda store: store.queued(limit))

    def unsettled(self, limit: int = 1000) -> builtins.list[SessionRecord]:
        """See the contract."""
        return self._way.read(lambda store: store.unsettled(limit))

    # -- events --------------------------------------------------------------------------------

    def record_event(
        self, session_id: str, attempt: int, kind: str, data: Mapping[str, Any] | None = None
    ) -> str:
        """See the contract."""
        return self._way.write(
            "record_event", session_id,
            lambda: {"attempt": attempt, "kind": kind, "data": dict(data or {})},
            lambda store: store.record_event(session_id, attempt, kind, data),
        )  # fmt: skip

    def last_event_id(self) -> str:
        """See the contract."""
        return self._way.read(lambda store: store.last_event_id())

    def events(
        self, after: str = "0-0", *, limit: int = 1000, block: float | None = None
    ) -> builtins.list[Event]:
        """See the contract."""
        return self._way.read(lambda store: store.events(after, limit=limit, block=block))

    # -- leases --------------------------------------------------------------------------------

    def acquire_lease(self, name: str, holder: str, ttl: float) -> bool:
        """See the contract. Alone, a host keeps its name: nobody could take it."""
        return self._way.read(lambda store: store.acquire_lease(name, holder, ttl))

    def release_lease(self, name: str, holder: str) -> bool:
        """See the contract."""
        return self._way.read(lambda store: store.release_lease(name, holder))

    def lease_holder(self, name: str) -> str | None:
        """See the contract."""
        return self._way.read(lambda store: store.lease_holder(name))

    # -- hosts ---------------------------------------------------------------------------------

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        """See the contract."""
        return self._way.read(lambda store: store.beat(heartbeat, ttl))

    def health(self) -> dict[str, HostHealth]:
        """See the contract."""
        return self._way.read(lambda store: store.health())

    def hosts(self) -> dict[str, dict[str, Any]]:
        """See the contract."""
        return self._way.read(lambda store: store.hosts())

    def live_count(self, hosts: Iterable[str]) -> dict[str, int]:
        """See the contract."""
        names = list(hosts)
        return self._way.read(lambda store: store.live_count(names))

    # -- limits and shares ---------------------------------------------------------------------

    def exhaust(self, account: str, until: float | None) -> None:
        """See the contract. Alone, a host believes it for itself."""
        self._way.read(lambda store: store.exhaust(account, until))

    def admission(self) -> Admission:
        """See the contract."""
        return self._way.read(lambda store: store.admission())

    # -- upkeep --------------------------------------------------------------------------------

    def ping(self) -> None:
        """See the contract: it is the fleet's store that is asked for."""
        self._way.only_with_the_fleet(lambda store: store.ping())

    def close(self) -> None:
        """Let go of everything. What is written down stays."""
        self._way.close()


def _unknown(session_id: str) -> errors.Unavailable:
    return errors.Unavailable(
        f"the broker is away, and nothing is known here of session {session_id}",
        "only sessions of this host are known until it is back",
    )
