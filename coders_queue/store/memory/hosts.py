"""Hosts in memory, by their heartbeats."""

from __future__ import annotations

import threading
from typing import Any

from coders_queue.clock import Clock
from coders_queue.models.heartbeat import Heartbeat, HostHealth
from coders_queue.store import rules


class Hosts:
    """What hosts said of themselves last."""

    def __init__(self, lock: threading.Condition, clock: Clock) -> None:
        self._lock = lock
        self._clock = clock
        self._health: dict[str, HostHealth] = {}
        self._until: dict[str, float] = {}

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        """See :meth:`Store.beat`."""
        kept = Heartbeat.model_validate_json(heartbeat.model_dump_json())
        with self._lock:
            now = self._clock()
            known = self._health.get(kept.host)
            first = kept.sequence == 1 or known is None
            if known is not None and not first and kept.sequence <= known.last.sequence:
                return False
            gap = 0.0 if first or known is None else now - known.received_at
            late = gap > 1.5 * kept.period
            self._health[kept.host] = HostHealth(
                last=kept,
                received_at=now,
                beats=1 if first or known is None else known.beats + 1,
                late=late if first or known is None else known.late + late,
                longest_gap=gap if first or known is None else max(known.longest_gap, gap),
                missed=0
                if first or known is None
                else known.missed + kept.sequence - known.last.sequence - 1,
                alive=True,
            )
            self._until[kept.host] = now + ttl
            return True

    def health(self) -> dict[str, HostHealth]:
        """See :meth:`Store.health`."""
        with self._lock:
            now = self._clock()
            return {
                host: one.model_copy(
                    update={"alive": self._until[host] > now, "age": now - one.received_at}
                )
                for host, one in self._health.items()
                if one.received_at > now - rules.HEALTH
            }

    def here(self) -> dict[str, dict[str, Any]]:
        """See :meth:`Store.hosts`."""
        with self._lock:
            now = self._clock()
            return {
                host: dict(one.last.info)
                for host, one in self._health.items()
                if self._until[host] > now
            }
