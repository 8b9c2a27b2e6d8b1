"""Families of sessions, in memory."""

from __future__ import annotations

import threading


class Families:
    """See :class:`~coders_queue.store.families.FamilyStore`."""

    def __init__(self, lock: threading.Condition) -> None:
        self._lock = lock
        self._children: dict[str, list[str]] = {}

    def adopt(self, parent: str, child: str, most: int) -> bool:
        """Count a child."""
        with self._lock:
            children = self._children.setdefault(parent, [])
            if child in children:
                return True
            if len(children) >= most:
                return False
            children.append(child)
            return True

    def disown(self, parent: str, child: str) -> None:
        """It was not begun."""
        with self._lock:
            children = self._children.get(parent, [])
            if child in children:
                children.remove(child)

    def children(self, parent: str) -> list[str]:
        """Ids."""
        with self._lock:
            return list(self._children.get(parent, ()))
