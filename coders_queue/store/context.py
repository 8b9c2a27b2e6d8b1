"""The contract of shared context: what Redis and the in-memory twin both do.

Every write is one step: it is compared, counted against the space's budget, numbered, remembered in
the history, and renews the space's life. Names and keys are checked here as everywhere.
"""

from __future__ import annotations

from typing import Protocol

from coders_queue.models.context import ContextEntry, Kind, SpaceInfo


class ContextStore(Protocol):
    """Spaces of entries, reached as ``store.context``."""

    def put(
        self,
        space: str,
        key: str,
        text: str,
        *,
        author: str,
        kind: Kind = "fact",
        lasts: float | None = None,
        if_version: int | None = None,
    ) -> ContextEntry:
        """Write an entry, over one of that key; as it is written now.

        ``lasts``: seconds until it is gone, or None to stay as long as its space. ``if_version``:
        only where that is the key's version, 0 where there is none; else Conflict. Raises
        UsageError for a bad name or key, TaskTooLarge for a value or a space over its budget,
        Conflict for one entry too many. What raises has written nothing.
        """
        ...

    def remove(self, space: str, key: str, *, author: str, if_version: int | None = None) -> bool:
        """Remove an entry; False when there is none. Raises Conflict as :meth:`put`."""
        ...

    def get(self, space: str, key: str) -> ContextEntry | None:
        """The entry of that key now."""
        ...

    def entries(self, space: str) -> list[ContextEntry]:
        """All entries of a space, by key; none when there is no such space."""
        ...

    def history(self, space: str, key: str | None = None) -> list[ContextEntry]:
        """Its last writes, or those of one key, the latest first: as many as are kept."""
        ...

    def spaces(self) -> list[SpaceInfo]:
        """All spaces by name."""
        ...

    def expire(self, space: str, seconds: float) -> bool:
        """From now on the space is gone that long after its last write, this one counted; False
        when there is no such space."""
        ...

    def drop(self, space: str) -> bool:
        """Remove a space with its history; False when there is none."""
        ...
