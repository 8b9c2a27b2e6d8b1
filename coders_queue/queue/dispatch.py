"""Sending sessions where they go: starting, completing, cancelling. One short message each.

Knows the store, which decides on whose turn it is, and a way to publish; every method may be called
twice and late. What a message loses, ``reconcile`` finds again in the store.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Protocol

import structlog

from coders_queue import errors
from coders_queue.clock import Clock, overdue, system_clock
from coders_queue.models import quorum
from coders_queue.models.admission import Admitted
from coders_queue.models.lifecycle import State
from coders_queue.models.message import session_of
from coders_queue.models.record import SessionRecord
from coders_queue.placement import capacity_of
from coders_queue.queue import context
from coders_queue.queue.delivery import lease_name
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: How long a message is given to arrive before it is sent again, seconds.
PATIENCE = 5.0
#: How many of those that wait a reconciliation looks at.
_QUEUE_READ = 100_000
#: How many people's mailboxes are looked into at a time: there may be many that nobody reads.
_PEOPLE_TIDIED = 50


class Publisher(Protocol):
    """The messages that dispatching sends."""

    def spawn(self, host: str, session_id: str, attempt: int) -> None:
        """To the host: bring the attempt up."""

    def stop(self, host: str, session_id: str, attempt: int) -> None:
        """To the host: end the attempt."""

    def sweep(self, host: str) -> None:
        """To the host: hold what runs against what should run."""

    def clean(self, host: str, ttl: int) -> None:
        """To the host: remove what ended sessions left; worth doing for ``ttl`` seconds."""

    def probe(self, host: str, ttl: float) -> None:
        """To the host: look at every session; worth doing for ``ttl`` seconds."""

    def resend(self, record: SessionRecord) -> None:
        """The session's own message, with its saved context (or as it was first published)."""

    def kick_chord(self, body_id: str, member: SessionRecord) -> bool:
        """Count a finished member of a chord again; False when the body is already on its way."""


class Dispatch:
    """Moves sessions along."""

    def __init__(self, store: Store, publisher: Publisher, clock: Clock = system_clock) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        #: Told in how many seconds somebody may start by the passing of time alone. Set by whoever
        #: fills then.
        self.later: Callable[[float], object] = lambda _seconds: None

    def fill(self) -> int:
        """Start those whose turn it is while there is room; how many.

        Called whenever that may have changed: somebody came, somebody ended, time went by.
        """
        if not self._store.queued(1):
            return 0
        hosts = {name: capacity_of(info) for name, info in self._store.hosts().items()}
        count = 0
        while isinstance(answer := self._store.admit(hosts), Admitted):
            count += 1
            self._publisher.spawn(answer.host, answer.session_id, answer.attempt)
        if answer.seconds is not None:
            self.later(answer.seconds)
        return count

    def complete(self, session_id: str) -> None:
        """The session has ended: send its message with the outcome to be found.

        Before the first delivery there is no context to send it with; that delivery finds the
        outcome itself.
        """
        record = self._store.get(session_id)
        if record is None:
            return
        if record.request is not None and not record.settled:
            self._publisher.resend(record)
        asked = record.spec.quorum
        if asked is not None and asked.group is not None and record.state is State.SUCCEEDED:
            self.end_rest(asked.group)

    def end_rest(self, group: str) -> int:
        """Cancel what lives of a group that has successes enough; how many that were.

        Asked whenever that may have changed: one succeeded, one came late.
        """
        found = self._store.get_many(self._store.quorum_rest(group)).values()
        rest = [one for one in found if not one.state.ended and one.cancel_reason is None]
        # first those that wait: they would take the places of those that end
        for record in sorted(rest, key=lambda one: one.state is not State.QUEUED):
            try:
                self._cancel(record.id, quorum.REASON)
            except errors.Unavailable:
                raise
            except errors.CodersError as error:  # a newer version wrote it: the rest goes on
                log.warning("session_not_cancelled", session=record.id, cause=str(error))
        if rest:
            log.info("quorum_reached", group=group, sessions=len(rest))
            self.fill()
        return len(rest)

    def cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        """Ask for the end of a session, queued or running. None for an unknown id."""
        record = self._cancel(session_id, reason)
        if record is not None and record.state.ended:
            self.fill()  # it may have kept a place for its next attempt
        return record

    def _cancel(self, session_id: str, reason: str) -> SessionRecord | None:
        record = self._store.request_cancel(session_id, reason)
        if record is None:
            return None
        if record.state.ended:
            self.complete(session_id)
        elif record.host is not None:
            self._publisher.stop(record.host, session_id, record.attempt)
        return record

    def reconcile(self) -> dict[str, int]:
        """Send again what got lost; how many of each kind."""
        return {
            "delivered": self._reap(),
            "not_wanted": sum(map(self.end_rest, self._store.quorums())),
            "resent": self._resend_lost(),
            "placed": self.fill(),
            "chords": self._kick_chords(),
            "swept": self._sweep_hosts(),
            "buried": self._bury_messages(),
        }

    def _bury_messages(self) -> int:
        """Messages that nobody will take any more: of sessions all, of people some each time."""
        mailboxes = self._store.mailboxes
        addresses = mailboxes.addresses()
        people = [one for one in addresses if session_of(one) is None]
        some = random.sample(people, min(_PEOPLE_TIDIED, len(people)))
        sessions = [one for one in addresses if session_of(one) is not None]
        return sum(mailboxes.tidy(address) for address in (*sessions, *some))

    def _reap(self) -> int:
        """Outcomes that nobody carried away."""
        count = 0
        for record in self._store.unsettled():
            ended_at = record.ended_at or record.created_at
            if (
                overdue(ended_at, PATIENCE, self._clock())
                and self._store.lease_holder(lease_name(record.id)) is None
            ):
                self._publisher.resend(record)
                count += 1
        return count

    def _resend_lost(self) -> int:
        """Queued sessions whose first message got lost."""
        count = 0
        waiting = self._store.queued(_QUEUE_READ)
        found = self._store.get_many(waiting)
        for listed in (found[session_id] for session_id in waiting if session_id in found):
            # others wait for their turn, or their message is on its way
            if listed.attempt == 0 and overdue(listed.created_at, PATIENCE, self._clock()):
                try:
                    count += self._resend(listed.id)
                except errors.Unavailable:
                    raise
                except errors.CodersError as error:  # a newer version wrote it: the rest go on
                    log.warning("session_not_placed", session=listed.id, cause=str(error))
        return count

    def _resend(self, session_id: str) -> bool:
        record = self._store.get(session_id)  # lists leave the message's context out
        if record is None or record.state is not State.QUEUED or record.request is not None:
            return False
        if self._clock() - context.eta(record.publish or {}) <= PATIENCE:
            return False  # its message waits for its time
        self._publisher.resend(record)
        return True

    def _kick_chords(self) -> int:
        """Chords whose last part died between counting and sending the body."""
        count = 0
        for body_id, member_id in self._store.watched_chords(PATIENCE).items():
            member = self._store.get(member_id)
            if member is None or not member.settled:
                if member is None:
                    self._store.unwatch_chord(body_id)
                continue
            if self._publisher.kick_chord(body_id, member):
                count += 1
            else:
                self._store.unwatch_chord(body_id)
        return count

    def clean(self, period: float) -> int:
        """Tell every host to clean, once a ``period`` however many ask; how many hosts."""
        if not self._is_turn("clean", period):
            return 0
        hosts = self._store.hosts()
        for host in hosts:
            self._publisher.clean(host, int(period * 0.9))
        return len(hosts)

    def probe(self, period: float) -> int:
        """Tell every host to look at its sessions, once a ``period`` however many ask; how many
        hosts."""
        if not self._is_turn("probe", period):
            return 0
        hosts = self._store.hosts()
        for host in hosts:
            self._publisher.probe(host, period * 0.9)
        return len(hosts)

    def _is_turn(self, name: str, period: float) -> bool:
        # nobody gives the lease back: it ends shortly before the next turn
        return self._store.acquire_lease(name, uuid.uuid4().hex, period * 0.9)

    def _sweep_hosts(self) -> int:
        hosts = self._store.hosts()
        for host in hosts:
            self._publisher.sweep(host)
        return len(hosts)
