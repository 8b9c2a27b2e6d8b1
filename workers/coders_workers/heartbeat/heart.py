"""A host's heartbeat: one message a period, with all its sessions.

Owns the numbering: a heartbeat's number is that of its period, so that one which never arrived is
missed where they are counted. Numbers begin at 1 with the first that arrives, and anew where the
store knows of higher ones: it was set back to an earlier state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

from coders_queue import errors
from coders_queue.models.heartbeat import Heartbeat
from coders_queue.store.base import Store
from coders_workers.heartbeat.census import Census
from coders_workers.heartbeat.pacer import Pacer

log = structlog.get_logger(__name__)


class Heart:
    """Sends a host's heartbeats."""

    def __init__(
        self,
        store: Store,
        host: str,
        census: Census,
        *,
        period: float,
        ttl: float,
        info: Callable[[], dict[str, Any]],
    ) -> None:
        """``ttl``: seconds for which one heartbeat says that the host is here; ``info``: its
        description."""
        self._store, self._host, self._census = store, host, census
        self._period, self._ttl, self._info = period, ttl, info
        self._first: int | None = None
        #: When they are sent, and how many came late or not at all.
        self.pacer = Pacer("heartbeat", period, self.beat)
        #: Whether the last one did not arrive.
        self.failing = False

    def start(self) -> None:
        """Begin to beat."""
        self.pacer.start()

    def stop(self) -> None:
        """Beat no more."""
        self.pacer.stop()

    def beat(self, turn: int) -> None:
        """Send the one of this turn."""
        heartbeat = Heartbeat.model_construct(
            host=self._host,
            sequence=1 if self._first is None else turn - self._first + 1,
            sent_at=time.time(),
            period=self._period,
            info=self._info(),
            sessions=self._census.pulses(),
        )
        try:
            taken = self._store.beat(heartbeat, self._ttl)
        except errors.Unavailable as error:
            if not self.failing:
                log.warning("heartbeat_failed", cause=str(error))
            self.failing = True
            return
        self.failing = False
        if not taken:
            self._first = None
        elif self._first is None:
            self._first = turn
