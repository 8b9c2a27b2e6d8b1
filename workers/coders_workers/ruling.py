"""Follows the event stream for the rules: a thread of the control role, one among all hosts.

Hosts of the same rules share a lease; those of others work beside each other, since each rule has a
place in the stream of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import structlog

from coders_queue import errors
from coders_queue.models.rule import Rule
from coders_queue.queue.rule_engine import RuleEngine, lease_name
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: How long the lease lasts, and how often it is renewed, seconds.
_LEASE, _RENEW = 15.0, 4.0
#: The longest wait for an event; what is due again is looked at after that, seconds.
_BLOCK = 0.5
#: After a failure, and while another host has the lease, seconds.
_PAUSE = 1.0


class Ruling:
    """Runs the engine while this host has the lease."""

    def __init__(
        self, store: Store, engine: RuleEngine, rules: Mapping[str, Rule], holder: str
    ) -> None:
        self._store = store
        self._engine = engine
        self._lease = lease_name(rules)
        self._holder = holder
        self._stopping = threading.Event()
        self._failing = False
        self._renewed = -_LEASE
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the turn at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._engine.close()
        try:
            self._store.release_lease(self._lease, self._holder)
        except errors.Unavailable as error:
            log.warning("lease_not_released", cause=str(error))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._mine():
                    self._engine.turn(_BLOCK)
                else:
                    self._stopping.wait(_PAUSE)
                self._failing = False
            except errors.CodersError as error:
                if not self._failing:
                    log.warning("rules_delayed", cause=str(error))
                self._failing = True
                self._stopping.wait(_PAUSE)
            except Exception:
                log.exception("rules_failed")
                self._stopping.wait(_PAUSE)

    def _mine(self) -> bool:
        if time.monotonic() - self._renewed < _RENEW:
            return True
        if not self._store.acquire_lease(self._lease, self._holder, _LEASE):
            return False
        self._renewed = time.monotonic()
        return True
