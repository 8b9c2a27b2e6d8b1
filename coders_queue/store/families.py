"""The contract of families: which sessions a session has begun. Redis' and the in-memory twin's."""

from __future__ import annotations

from typing import Protocol


class FamilyStore(Protocol):
    """Children by parent, reached as ``store.families``. Kept for a month after the last."""

    def adopt(self, parent: str, child: str, most: int) -> bool:
        """Count a session as a child of another's; False when that has ``most`` already.

        Counted again, nothing changes. In one step: there are never more.
        """
        ...

    def disown(self, parent: str, child: str) -> None:
        """It was not begun, after all."""
        ...

    def children(self, parent: str) -> list[str]:
        """Ids, the oldest first."""
        ...
