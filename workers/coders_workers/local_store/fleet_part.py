"""What a host leaves to the fleet's store alone: what one host knows is no answer to it.

All of it raises Unavailable while that store is away.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from coders_queue.models.limit import Limit
from coders_queue.store.flows import FlowStore
from coders_queue.store.ruling import RuleStore
from coders_workers.local_store.absence import Absence


class FleetPart:
    """That part of the contract."""

    def __init__(self, way: Absence) -> None:
        self._way = way

    @property
    def flows(self) -> FlowStore:
        """The fleet's: raises Unavailable while it is away."""
        return self._way.fleet.flows

    @property
    def rules(self) -> RuleStore:
        """The fleet's: raises Unavailable while it is away."""
        return self._way.fleet.rules

    def redirect(self, session_id: str, agent: str) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.redirect(session_id, agent))

    def attach_request(
        self, session_id: str, request: Mapping[str, Any], inputs: Sequence[Any] = ()
    ) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(
            lambda store: store.attach_request(session_id, request, inputs)
        )

    def settle(self, session_id: str) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.settle(session_id))

    def quorum_rest(self, group: str) -> builtins.list[str]:
        """See the contract. Others of the group may be anywhere."""
        return self._way.only_with_the_fleet(lambda store: store.quorum_rest(group))

    def quorums(self) -> builtins.list[str]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.quorums())

    def watch_chord(self, body_id: str, member_id: str) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.watch_chord(body_id, member_id))

    def watched_chords(self, older_than: float) -> dict[str, str]:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.watched_chords(older_than))

    def unwatch_chord(self, body_id: str) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.unwatch_chord(body_id))

    def set_limits(self, limits: Mapping[str, Limit | None]) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.set_limits(limits))

    def set_shares(self, shares: Mapping[str, float | None]) -> None:
        """See the contract."""
        self._way.only_with_the_fleet(lambda store: store.set_shares(shares))

    def configure(
        self, host: str, limits: Mapping[str, Limit], shares: Mapping[str, float]
    ) -> bool:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.configure(host, limits, shares))

    def trim(self) -> int:
        """See the contract."""
        return self._way.only_with_the_fleet(lambda store: store.trim())
