"""Which groups have successes enough, and who of them lives. _quorum.lua counts."""

from __future__ import annotations

from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door


class Quorums:
    """The reads of the contract that concern quorums."""

    def __init__(self, door: Door, names: Keys) -> None:
        self._door = door
        self._keys = names

    def rest(self, group: str) -> list[str]:
        """See :meth:`Store.quorum_rest`."""
        reached, alive = self._door.together(
            ("HEXISTS", self._keys.quorum(group), "reached_at"),
            ("SMEMBERS", self._keys.quorum_live(group)),
        )
        return sorted(alive) if reached else []

    def reached(self) -> list[str]:
        """See :meth:`Store.quorums`."""
        return sorted(self._door.call("ZRANGE", self._keys.quorums, 0, -1))
