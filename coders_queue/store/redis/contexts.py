"""Shared context on the server: a hash of entries a space, and a list of its last writes."""

from __future__ import annotations

import json
from typing import Any

from coders_queue.clock import Clock
from coders_queue.models import context as model
from coders_queue.models.context import ContextEntry, ContextLimits, Kind, SpaceInfo
from coders_queue.store import codec
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door
from coders_queue.store.redis.scripts import source


class Contexts:
    """See :class:`~coders_queue.store.context.ContextStore`."""

    def __init__(self, door: Door, names: Keys, clock: Clock, limits: ContextLimits) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        self._limits = limits
        self._write = door.script(source("context_write"))
        self._expire = door.script(source("context_expire"))

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
        """Write an entry."""
        model.check_space(space)
        size = model.check_value(model.check_key(key), text, self._limits)
        now = self._clock()
        entry = ContextEntry(
            space=space,
            key=key,
            version=0,
            kind=kind,
            text=text,
            author=author,
            at=now,
            expires_at=None if lasts is None else now + lasts,
        )
        return self._written(entry, size, if_version)

    def remove(self, space: str, key: str, *, author: str, if_version: int | None = None) -> bool:
        """Remove an entry."""
        entry = ContextEntry(
            space=model.check_space(space),
            key=model.check_key(key),
            version=0,
            text="",
            author=author,
            at=self._clock(),
            removed=True,
        )
        return self._written(entry, 0, if_version).version > 0

    def get(self, space: str, key: str) -> ContextEntry | None:
        """One entry."""
        model.check_space(space)
        head = self._door.call("HGET", self._keys.context(space), model.check_key(key))
        return None if head is None else self._living(space, key, head, self._clock())

    def entries(self, space: str) -> list[ContextEntry]:
        """All entries."""
        flat = self._door.call("HGETALL", self._keys.context(model.check_space(space)))
        heads = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        now = self._clock()
        found = (self._living(space, key, heads[key], now) for key in sorted(heads))
        return [entry for entry in found if entry is not None]

    def history(self, space: str, key: str | None = None) -> list[ContextEntry]:
        """The last writes."""
        if key is not None:
            model.check_key(key)
        items = self._door.call("LRANGE", self._keys.context_log(model.check_space(space)), 0, -1)
        found = []
        for item in reversed(items):
            version, _, text = item.partition(" ")
            entry = _decode(space, version, json.loads(text))
            if key is None or entry.key == key:
                found.append(entry)
        return found

    def spaces(self) -> list[SpaceInfo]:
        """All spaces."""
        now = self._clock()
        flat = self._door.call("ZRANGE", self._keys.contexts, 0, -1, "WITHSCORES")
        until = {name: float(at) for name, at in zip(flat[::2], flat[1::2], strict=True)}
        names = sorted(name for name, at in until.items() if at > now)
        asked: list[tuple[str, ...]] = []
        for name in names:
            asked.append(("HMGET", self._keys.context_meta(name), "seq", "at", "bytes"))
            asked.append(("HLEN", self._keys.context(name)))
            expired = self._keys.context_expiring(name)
            asked.append(("ZCOUNT", expired, "-inf", codec.number(now)))
        answers = self._door.batch(asked)
        found = []
        parts = (answers[::3], answers[1::3], answers[2::3])
        for name, meta, count, expired in zip(names, *parts, strict=True):
            if None in meta:
                continue  # expired between the two looks
            found.append(
                SpaceInfo(
                    name=name,
                    entries=int(count) - int(expired),
                    size=int(meta[2]),
                    version=int(meta[0]),
                    written_at=float(meta[1]),
                    expires_at=until[name],
                )
            )
        return found

    def expire(self, space: str, seconds: float) -> bool:
        """When it is gone."""
        arguments = (space, codec.number(self._clock()), codec.number(seconds))
        return bool(self._door.run(self._expire, self._of(model.check_space(space)), arguments))

    def drop(self, space: str) -> bool:
        """Remove a space."""
        *names, spaces = self._of(model.check_space(space))
        gone, _ = self._door.together(("DEL", *names), ("ZREM", spaces, space))
        return bool(gone)

    def _written(self, entry: ContextEntry, size: int, if_version: int | None) -> ContextEntry:
        body = _encode(entry)
        expires = "" if entry.expires_at is None else codec.number(entry.expires_at)
        limits = self._limits
        answer, number = self._door.run(
            self._write,
            self._of(entry.space),
            [
                *(entry.space, entry.key, codec.number(entry.at)),
                *("" if if_version is None else str(if_version), size, expires),
                *("" if entry.removed else body, body),
                *(limits.space, model.MAX_ENTRIES, model.MAX_HISTORY, codec.number(limits.expiry)),
            ],
        )
        if answer == "changed":
            raise model.changed(entry.space, entry.key, int(number), if_version or 0)
        if answer == "full":
            raise model.full(entry.space, int(number), limits)
        if answer == "crowded":
            raise model.crowded(entry.space)
        version = int(number) if answer == "done" else 0
        return entry.model_copy(update={"version": version})

    def _of(self, space: str) -> list[str]:
        names = self._keys
        return [
            *(names.context(space), names.context_meta(space), names.context_log(space)),
            *(names.context_expiring(space), names.contexts),
        ]

    def _living(self, space: str, key: str, head: str, now: float) -> ContextEntry | None:
        version, _, expires, text = head.split(" ", 3)
        return None if _over(expires, now) else _decode(space, version, json.loads(text))


def _encode(entry: ContextEntry) -> str:
    # ASCII: surrogate escapes survive
    return codec.dumps(entry.model_dump(exclude={"space", "version"}), "the entry")


def _decode(space: str, version: str, fields: dict[str, Any]) -> ContextEntry:
    return ContextEntry(space=space, version=int(version), **fields)


def _over(expires: str, now: float) -> bool:
    return expires != "-" and float(expires) <= now
