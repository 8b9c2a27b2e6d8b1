"""What a host shares with the fleet and cannot have alone: shared context."""

from __future__ import annotations

from typing import Any

from coders_queue.models.context import ContextEntry, SpaceInfo
from coders_workers.local_store.absence import Absence


class FleetContext:
    """The fleet's shared context. Raises Unavailable while that is away."""

    def __init__(self, way: Absence) -> None:
        self._way = way

    def put(self, space: str, key: str, text: str, **options: Any) -> ContextEntry:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.context.put(space, key, text, **options)
        )

    def remove(self, space: str, key: str, *, author: str, if_version: int | None = None) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.context.remove(space, key, author=author, if_version=if_version)
        )

    def get(self, space: str, key: str) -> ContextEntry | None:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.context.get(space, key))

    def entries(self, space: str) -> list[ContextEntry]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.context.entries(space))

    def history(self, space: str, key: str | None = None) -> list[ContextEntry]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.context.history(space, key))

    def spaces(self) -> list[SpaceInfo]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.context.spaces())

    def expire(self, space: str, seconds: float) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.context.expire(space, seconds))

    def drop(self, space: str) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.context.drop(space))
