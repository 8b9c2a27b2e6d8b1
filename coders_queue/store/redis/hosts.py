"""What hosts say of themselves, who holds which lease, and chords being watched."""

from __future__ import annotations

import json
from typing import Any

from coders_queue.clock import Clock, overdue
from coders_queue.models.heartbeat import Heartbeat, HostHealth
from coders_queue.store import codec
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door
from coders_queue.store.redis.scripts import Scripts

_HEALTH = ("heartbeat", "received_at", "beats", "late", "longest_gap", "missed")


class Hosts:
    """Hosts by their heartbeats."""

    def __init__(self, door: Door, names: Keys, scripts: Scripts) -> None:
        self._door = door
        self._keys = names
        self._scripts = scripts

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        """See :meth:`Store.beat`."""
        info = codec.dumps(heartbeat.info, "the host's description")
        whole = codec.dumps(heartbeat.model_dump(mode="json"), "the heartbeat")
        return self._scripts.heartbeat(heartbeat, info, whole, ttl)

    def health(self) -> dict[str, HostHealth]:
        """See :meth:`Store.health`."""
        names = self._door.call("ZRANGE", self._keys.heard, 0, -1)
        asked: list[tuple[str, ...]] = [("TIME",)]
        for name in names:
            asked.append(("HMGET", self._keys.health(name), *_HEALTH))
            asked.append(("EXISTS", self._keys.host(name)))
        time, *found = self._door.batch(asked)
        now = int(time[0]) + int(time[1]) / 1e6
        health = {}
        for name, parts, here in zip(names, found[::2], found[1::2], strict=True):
            if None in parts[:-1]:
                continue  # expired between the two looks
            health[name] = HostHealth(
                last=Heartbeat.model_validate_json(parts[0]),
                received_at=float(parts[1]),
                beats=int(parts[2]),
                late=int(parts[3]),
                longest_gap=float(parts[4]),
                missed=int(parts[5] or 0),
                alive=bool(here),
                age=max(0.0, now - float(parts[1])),
            )
        return health

    def all(self) -> dict[str, dict[str, Any]]:
        """See :meth:`Store.hosts`."""
        names = sorted(self._door.call("SMEMBERS", self._keys.hosts))
        found = self._door.batch([("GET", self._keys.host(name)) for name in names])
        pairs = zip(names, found, strict=True)
        return {name: json.loads(info) for name, info in pairs if info is not None}


class Leases:
    """Names that one holder at a time has."""

    def __init__(self, door: Door, names: Keys, scripts: Scripts) -> None:
        self._door = door
        self._keys = names
        self._scripts = scripts

    def acquire(self, name: str, holder: str, ttl: float) -> bool:
        """See :meth:`Store.acquire_lease`."""
        return self._scripts.acquire_lease(name, holder, ttl)

    def release(self, name: str, holder: str) -> bool:
        """See :meth:`Store.release_lease`."""
        return self._scripts.release_lease(name, holder)

    def holder(self, name: str) -> str | None:
        """See :meth:`Store.lease_holder`."""
        found = self._door.call("GET", self._keys.lease(name))
        return None if found is None else str(found)


class Chords:
    """Chords whose body has not been sent."""

    def __init__(self, door: Door, names: Keys, clock: Clock, retention: float) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        self._ttl = max(1, round(retention * 1000))

    def watch(self, body_id: str, member_id: str) -> None:
        """See :meth:`Store.watch_chord`."""
        times, members = self._keys.chords, self._keys.chord_members
        self._door.together(
            ("ZADD", times, "NX", codec.number(self._clock()), body_id),
            ("HSETNX", members, body_id, member_id),
            ("PEXPIRE", times, self._ttl),
            ("PEXPIRE", members, self._ttl),
        )

    def watched(self, older_than: float) -> dict[str, str]:
        """See :meth:`Store.watched_chords`."""
        now = self._clock()
        times = self._door.call("ZRANGE", self._keys.chords, 0, -1, "WITHSCORES")
        pairs = zip(times[::2], times[1::2], strict=True)
        found = [body for body, at in pairs if overdue(float(at), older_than, now)]
        if not found:
            return {}
        members = self._door.call("HMGET", self._keys.chord_members, *found)
        known = zip(found, members, strict=True)
        return {body: member for body, member in known if member is not None}

    def unwatch(self, body_id: str) -> None:
        """See :meth:`Store.unwatch_chord`."""
        self._door.together(
            ("ZREM", self._keys.chords, body_id), ("HDEL", self._keys.chord_members, body_id)
        )
