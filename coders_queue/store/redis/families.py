"""Families of sessions on the server: a sorted set a parent."""

from __future__ import annotations

from coders_queue.clock import Clock
from coders_queue.store import codec, rules
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door
from coders_queue.store.redis.scripts import source


class Families:
    """See :class:`~coders_queue.store.families.FamilyStore`."""

    def __init__(self, door: Door, names: Keys, clock: Clock) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        self._adopt = door.script(source("family_adopt"))

    def adopt(self, parent: str, child: str, most: int) -> bool:
        """Count a child."""
        now, kept = codec.number(self._clock()), int(rules.FAMILY)
        key = self._keys.family(parent)
        return bool(self._door.run(self._adopt, [key], [child, most, now, kept]))

    def disown(self, parent: str, child: str) -> None:
        """It was not begun."""
        self._door.call("ZREM", self._keys.family(parent), child)

    def children(self, parent: str) -> list[str]:
        """Ids."""
        return [str(one) for one in self._door.call("ZRANGE", self._keys.family(parent), 0, -1)]
