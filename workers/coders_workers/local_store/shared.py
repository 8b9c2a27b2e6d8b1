"""What a host has with the fleet alone: context, mailboxes, approvals, families."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from coders_queue.models.approval import Approval
from coders_queue.models.context import ContextEntry, SpaceInfo
from coders_queue.models.message import Message
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


class FleetMailboxes:
    """The fleet's mailboxes. Raises Unavailable while that is away."""

    def __init__(self, way: Absence) -> None:
        self._way = way

    def send(self, to: str, sender: str, text: str, *, key: str | None = None) -> Message:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.mailboxes.send(to, sender, text, key=key)
        )

    def take(self, address: str, reader: str, limit: int) -> list[Message]:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.mailboxes.take(address, reader, limit)
        )

    def acknowledge(self, address: str, reader: str, ids: Sequence[str]) -> list[str]:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.mailboxes.acknowledge(address, reader, ids)
        )

    def release(self, address: str, reader: str, ids: Sequence[str]) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.mailboxes.release(address, reader, ids))

    def bury(self, address: str, reader: str, ids: Sequence[str], why: str) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.mailboxes.bury(address, reader, ids, why))

    def waiting(self, address: str) -> list[Message]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.mailboxes.waiting(address))

    def dead(self, address: str) -> list[Message]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.mailboxes.dead(address))

    def addresses(self) -> list[str]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.mailboxes.addresses())

    def tidy(self, address: str) -> int:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.mailboxes.tidy(address))


class FleetShelf:
    """The fleet's approvals. Raises Unavailable while it is away."""

    def __init__(self, way: Absence) -> None:
        self._way = way

    def read(self, approval_ids: builtins.list[str]) -> builtins.list[Approval]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.approvals.shelf.read(approval_ids))

    def write(self, approval: Approval, expect: int | None, current: str | None, kind: str) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.approvals.shelf.write(approval, expect, current, kind)
        )

    def current(self, session: str) -> str | None:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.approvals.shelf.current(session))

    def ids(self, *, waiting: bool, limit: int | None = None) -> builtins.list[str]:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.approvals.shelf.ids(waiting=waiting, limit=limit)
        )


class FleetFamilies:
    """The fleet's families. Raises Unavailable while that is away."""

    def __init__(self, way: Absence) -> None:
        self._way = way

    def adopt(self, parent: str, child: str, most: int) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.families.adopt(parent, child, most)
        )

    def disown(self, parent: str, child: str) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.families.disown(parent, child))

    def children(self, parent: str) -> list[str]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.families.children(parent))
