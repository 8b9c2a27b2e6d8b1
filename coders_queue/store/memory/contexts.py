"""Shared context in memory."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field

from coders_queue.clock import Clock
from coders_queue.models import context as model
from coders_queue.models.context import ContextEntry, ContextLimits, Kind, SpaceInfo


@dataclass
class _Space:
    """One space."""

    lasts: float
    version: int = 0
    written_at: float = 0.0
    expires_at: float = 0.0
    heads: dict[str, tuple[ContextEntry, int]] = field(default_factory=dict)
    """Entries with the bytes they count with."""
    log: list[tuple[ContextEntry, int]] = field(default_factory=list)
    """The last writes, the oldest first, with the bytes they take."""

    @property
    def size(self) -> int:
        """Bytes of its entries."""
        return sum(size for _, size in self.heads.values())


class Contexts:
    """See :class:`~coders_queue.store.context.ContextStore`."""

    def __init__(self, lock: threading.Condition, clock: Clock, limits: ContextLimits) -> None:
        self._lock = lock
        self._clock = clock
        self._limits = limits
        self._spaces: dict[str, _Space] = {}

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
        with self._lock:
            now = self._clock()
            found = self._writable(space, now)
            self._compare(found, space, key, if_version)
            before = found.heads[key][1] if key in found.heads else 0
            total = found.size - before + size
            if total > self._limits.space and size > before:
                raise model.full(space, total, self._limits)
            if key not in found.heads and len(found.heads) >= model.MAX_ENTRIES:
                raise model.crowded(space)
            entry = ContextEntry(
                space=space,
                key=key,
                version=found.version + 1,
                kind=kind,
                text=text,
                author=author,
                at=now,
                expires_at=None if lasts is None else now + lasts,
            )
            found.heads[key] = (entry, size)
            self._wrote(found, entry)
            self._spaces[space] = found
            return entry

    def remove(self, space: str, key: str, *, author: str, if_version: int | None = None) -> bool:
        """Remove an entry."""
        model.check_space(space)
        model.check_key(key)
        with self._lock:
            now = self._clock()
            found = self._writable(space, now)
            self._compare(found, space, key, if_version)
            if found.heads.pop(key, None) is None:
                return False
            gone = ContextEntry(
                space=space,
                key=key,
                version=found.version + 1,
                text="",
                author=author,
                at=now,
                removed=True,
            )
            self._wrote(found, gone)
            return True

    def get(self, space: str, key: str) -> ContextEntry | None:
        """One entry."""
        model.check_key(key)
        return next((entry for entry in self.entries(space) if entry.key == key), None)

    def entries(self, space: str) -> list[ContextEntry]:
        """All entries."""
        with self._lock:
            now = self._clock()
            found = self._known(model.check_space(space), now)
            heads = found.heads if found else {}
            return [heads[key][0] for key in sorted(heads) if not _over(heads[key][0], now)]

    def history(self, space: str, key: str | None = None) -> list[ContextEntry]:
        """The last writes."""
        if key is not None:
            model.check_key(key)
        with self._lock:
            found = self._known(model.check_space(space), self._clock())
            log = found.log if found else []
            return [entry for entry, _ in reversed(log) if key is None or entry.key == key]

    def spaces(self) -> list[SpaceInfo]:
        """All spaces."""
        with self._lock:
            now = self._clock()
            return [
                SpaceInfo(
                    name=name,
                    entries=sum(not _over(entry, now) for entry, _ in one.heads.values()),
                    size=one.size,
                    version=one.version,
                    written_at=one.written_at,
                    expires_at=one.expires_at,
                )
                for name, one in sorted(self._spaces.items())
                if one.expires_at > now
            ]

    def expire(self, space: str, seconds: float) -> bool:
        """When it is gone."""
        with self._lock:
            now = self._clock()
            found = self._known(model.check_space(space), now)
            if found is None:
                return False
            found.lasts = seconds
            found.expires_at = now + seconds
            return True

    def drop(self, space: str) -> bool:
        """Remove a space."""
        with self._lock:
            known = self._known(model.check_space(space), self._clock())
            self._spaces.pop(space, None)
            return known is not None

    def _known(self, space: str, now: float) -> _Space | None:
        found = self._spaces.get(space)
        return found if found is not None and found.expires_at > now else None

    def _writable(self, space: str, now: float) -> _Space:
        found = self._known(space, now) or _Space(lasts=self._limits.expiry)
        for key in [key for key, (entry, _) in found.heads.items() if _over(entry, now)]:
            del found.heads[key]
        return found

    def _compare(self, found: _Space, space: str, key: str, wanted: int | None) -> None:
        current = found.heads[key][0].version if key in found.heads else 0
        if wanted is not None and wanted != current:
            raise model.changed(space, key, current, wanted)

    def _wrote(self, found: _Space, entry: ContextEntry) -> None:
        found.version = entry.version
        found.written_at = entry.at
        found.expires_at = entry.at + found.lasts
        # counted as on the server, where it is ASCII JSON
        found.log.append((entry, len(json.dumps(entry.model_dump()))))
        while len(found.log) > model.MAX_HISTORY or (
            sum(size for _, size in found.log) > self._limits.space
        ):
            del found.log[0]


def _over(entry: ContextEntry, now: float) -> bool:
    return entry.expires_at is not None and entry.expires_at <= now
