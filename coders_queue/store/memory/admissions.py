"""Limits, shares and exhausted accounts in memory, as they are set and shown."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from coders_queue.clock import Clock
from coders_queue.models.admission import Admission
from coders_queue.models.limit import Limit
from coders_queue.store import codec, rules
from coders_queue.store.memory.sessions import Sessions


class Admissions:
    """What decides on who starts next."""

    def __init__(self, lock: threading.Condition, clock: Clock, sessions: Sessions) -> None:
        self._lock = lock
        self._clock = clock
        self._sessions = sessions
        self._waiting = sessions.waiting
        self._shares: dict[str, float] = {}
        self._configured: dict[str, tuple[dict[str, Limit], dict[str, float]]] = {}

    def set_limits(self, limits: Mapping[str, Limit | None]) -> None:
        """See :meth:`Store.set_limits`."""
        with self._lock:
            self._waiting.change_limits(limits)

    def set_shares(self, shares: Mapping[str, float | None]) -> None:
        """See :meth:`Store.set_shares`."""
        with self._lock:
            for owner, weight in shares.items():
                for kept, name in (
                    (self._shares, owner),
                    (self._waiting.line.shares, codec.encode_owner(owner)),
                ):
                    kept.pop(name, None)
                    if weight is not None:
                        kept[name] = float(weight)

    def configure(
        self, host: str, limits: Mapping[str, Limit], shares: Mapping[str, float]
    ) -> bool:
        """See :meth:`Store.configure`."""
        with self._lock:
            said = self._configured.get(host, ({}, {}))
            if said == (dict(limits), dict(shares)):
                return False
            self.set_limits(rules.configured(said[0], limits, self._waiting.limits.limits))
            self.set_shares(rules.configured(said[1], shares, self._shares))
            self._configured[host] = (dict(limits), dict(shares))
            return True

    def exhaust(self, account: str, until: float | None) -> None:
        """See :meth:`Store.exhaust`."""
        with self._lock:
            exhausted = self._waiting.limits.exhausted
            if until is None:
                exhausted.pop(account, None)
            else:
                exhausted[account] = max(until, exhausted.get(account, 0.0))

    def admission(self) -> Admission:
        """See :meth:`Store.admission`."""
        with self._lock:
            now = self._clock()
            records = {record.id: record for record in self._sessions.all()}
            return Admission(
                limits=self._waiting.limits.uses(),
                shares=dict(sorted(self._shares.items())),
                exhausted={
                    account: until
                    for account, until in sorted(self._waiting.limits.exhausted.items())
                    if until > now
                },
                turns=self._waiting.line.turns(lambda one: records[one].spec.owner),
                freed=tuple(self._waiting.freed),
            )
