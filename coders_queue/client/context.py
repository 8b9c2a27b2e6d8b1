"""A space of shared context, in Python."""

from __future__ import annotations

import builtins
from collections.abc import Callable

from coders_queue.models.context import ContextEntry, Kind, check_space
from coders_queue.searching import Hit, search
from coders_queue.store.base import Store


class ContextSpace:
    """One space: what is put there, whoever of the fleet did, is seen by all of it.

    Made by :meth:`coders_queue.client.client.Coders.context`.
    """

    def __init__(self, name: str, author: str, store: Callable[[], Store]) -> None:
        self.name = check_space(name)
        self._author = author
        self._store = store

    def put(
        self,
        key: str,
        text: str,
        *,
        kind: Kind = "fact",
        lasts: float | None = None,
        if_version: int | None = None,
    ) -> ContextEntry:
        """Write an entry; as it is now. ``lasts``: seconds, None for as long as the space.

        ``if_version``: only over that version, 0 only where there is none. Raises Conflict
        otherwise, and TaskTooLarge for what is over a budget.
        """
        return self._store().context.put(
            self.name,
            key,
            text,
            author=self._author,
            kind=kind,
            lasts=lasts,
            if_version=if_version,
        )

    def get(self, key: str) -> ContextEntry | None:
        """The entry of that key; None when there is none."""
        return self._store().context.get(self.name, key)

    def remove(self, key: str, *, if_version: int | None = None) -> bool:
        """Remove an entry; False when there is none. Raises Conflict as :meth:`put`."""
        return self._store().context.remove(
            self.name, key, author=self._author, if_version=if_version
        )

    def list(self) -> builtins.list[ContextEntry]:
        """All entries, by key."""
        return self._store().context.entries(self.name)

    def history(self, key: str | None = None) -> builtins.list[ContextEntry]:
        """The last writes, or those of one key, the latest first."""
        return self._store().context.history(self.name, key)

    def search(self, query: str, *, limit: int = 10) -> builtins.list[Hit]:
        """The best entries for some words."""
        return search(self.list(), query, limit)

    def expire(self, seconds: float) -> bool:
        """From now on the space is gone that long after its last write, this one counted."""
        return self._store().context.expire(self.name, seconds)

    def drop(self) -> bool:
        """Remove the space with its history; False when there is none."""
        return self._store().context.drop(self.name)
