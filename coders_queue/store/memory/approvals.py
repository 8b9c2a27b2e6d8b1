"""Approvals in memory."""

from __future__ import annotations

import builtins
import threading

from coders_queue.models.approval import Approval
from coders_queue.store import kinds
from coders_queue.store.memory.events import EventLog


class MemoryShelf:
    """See :class:`~coders_queue.store.approvals.Shelf`."""

    def __init__(self, lock: threading.Condition, events: EventLog) -> None:
        self._lock = lock
        self._events = events
        self._kept: dict[str, Approval] = {}
        self._current: dict[str, str] = {}

    def read(self, approval_ids: builtins.list[str]) -> builtins.list[Approval]:
        """Those that are there."""
        with self._lock:
            return [self._kept[one] for one in approval_ids if one in self._kept]

    def write(self, approval: Approval, expect: int | None, current: str | None, kind: str) -> bool:
        """Keep it."""
        with self._lock:
            before = self._kept.get(approval.id)
            if (before.version if before else None) != expect:
                return False
            if current is not None:
                if self._current.get(approval.session, "") != current:
                    return False
                self._current[approval.session] = approval.id
            self._kept[approval.id] = approval
            data = kinds.about_approval(approval)
            self._events.append(approval.session, approval.attempt, kind, approval.host, data)
            return True

    def current(self, session: str) -> str | None:
        """What its terminal asked last."""
        return self._current.get(session)

    def ids(self, *, waiting: bool, limit: int | None = None) -> builtins.list[str]:
        """Ids by age."""
        with self._lock:
            found = [one for one in self._kept.values() if one.waits or not waiting]
        found.sort(key=lambda one: (one.since, one.id), reverse=not waiting)
        return [one.id for one in found][:limit]
