"""Reading session records: one, many, lists, references; and dropping what expired ones leave."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence

from coders_queue import ids
from coders_queue.models.lifecycle import ENDED
from coders_queue.models.record import SessionRecord
from coders_queue.store import codec, keys, reference
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import CHUNK, Door
from coders_queue.store.redis.scripts import Scripts


class Views:
    """The reads of the contract that concern sessions."""

    def __init__(self, door: Door, names: Keys, scripts: Scripts) -> None:
        self._door = door
        self._keys = names
        self._scripts = scripts

    def get(self, session_id: str) -> SessionRecord | None:
        """See :meth:`Store.get`."""
        values = self._door.call("HMGET", self._keys.session(session_id), *codec.FIELDS)
        fields = codec.fields_of(values)
        return codec.decode(session_id, fields) if "state" in fields else None

    def get_many(self, session_ids: Iterable[str]) -> dict[str, SessionRecord]:
        """See :meth:`Store.get_many`."""
        return {record.id: record for record in self._read(list(session_ids), codec.LIST_FIELDS)}

    def list(
        self, live: bool | None, host: str | None, owner: str | None, limit: int | None
    ) -> builtins.list[SessionRecord]:
        """See :meth:`Store.list`."""
        wanted_owner = None if owner is None else codec.encode_owner(owner)
        # without a filter few ids need be read; with one, how many is not known before
        bound = limit if limit is not None and host is None and owner is None else None
        found: list[SessionRecord] = []
        if live is True and host is not None:
            return self._on_host(host, wanted_owner)[:limit]
        candidates = self._candidates(live, bound)
        for start in range(0, len(candidates), CHUNK):
            chunk = candidates[start : start + CHUNK]
            if host is not None or wanted_owner is not None:
                chunk = self._matching(chunk, host, wanted_owner)
            for record in self._read(chunk, codec.LIST_FIELDS):
                # what was true of the index a moment ago need not be of the record
                if (live is None or live != (record.state in ENDED)) and (
                    host is None or record.host == host
                ):
                    found.append(record)
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    def queued(self, limit: int) -> builtins.list[str]:
        """See :meth:`Store.queued`."""
        if limit <= 0:
            return []
        return list(self._door.call("ZRANGE", self._keys.queued, 0, limit - 1))

    def unsettled(self, limit: int) -> builtins.list[SessionRecord]:
        """See :meth:`Store.unsettled`."""
        if limit <= 0:
            return []
        found = self._door.call("ZRANGE", self._keys.unsettled, 0, limit - 1)
        return [record for record in self._read(found, codec.FIELDS) if not record.settled]

    def live_count(self, hosts: Iterable[str]) -> dict[str, int]:
        """See :meth:`Store.live_count`."""
        names = list(hosts)
        counts = self._door.batch([("SCARD", self._keys.host_sessions(name)) for name in names])
        return {name: int(count) for name, count in zip(names, counts, strict=True)}

    def resolve(self, text: str) -> str:
        """See :meth:`Store.resolve`."""
        if not text:
            raise reference.not_found(text)
        low, high = _range(keys.ended_name_stem(text))
        exists, live, ended = self._door.batch(
            [
                ("EXISTS", self._keys.session(text)),
                ("HGET", self._keys.names, text),
                ("ZREVRANGEBYLEX", self._keys.ended_names, high, low),
            ]
        )
        if exists:
            return text
        if live:
            return str(live)
        if ids.is_name(text):
            members = [keys.id_of_ended_name(member) for member in ended]
            named = next(self._existing(members), None)
            if named is not None:
                return named
        return self._by_prefix(text)

    def trim(self) -> int:
        """See :meth:`Store.trim`."""
        where = self._keys
        of_sessions = [where.ids, where.live, where.ended, where.unsettled, where.queued]
        dropped = self._trim(where.ids, of_sessions, str)
        self._trim(where.ended_names, [where.ended_names], keys.id_of_ended_name)
        return dropped

    # -- inside --------------------------------------------------------------------------------

    def _on_host(self, host: str, owner: str | None) -> builtins.list[SessionRecord]:
        """A host's live sessions, which it asks for often, without a look at all others'."""
        there: list[str] = list(self._door.call("SMEMBERS", self._keys.host_sessions(host)))
        if owner is not None:
            there = self._matching(there, None, owner)
        found = [
            record
            for record in self._read(there, codec.LIST_FIELDS)
            if record.state not in ENDED and record.host == host
        ]
        return sorted(found, key=lambda record: (record.created_at, record.id), reverse=True)

    def _candidates(self, live: bool | None, bound: int | None) -> builtins.list[str]:
        """Ids from the indexes, latest creation first; ``bound`` is how many may matter."""
        last = -1 if bound is None else bound - 1
        if bound is not None and bound <= 0:
            return []
        indexes = []
        if live is not False:
            indexes.append(self._keys.live)
        if live is not True:
            indexes.append(self._keys.ended)
        answers = self._door.together(
            *(("ZREVRANGE", index, 0, last, "WITHSCORES") for index in indexes)
        )
        pairs = [
            (float(score), member)
            for answer in answers
            for member, score in zip(answer[::2], answer[1::2], strict=True)
        ]
        return [member for _, member in sorted(pairs, reverse=True)]

    def _matching(
        self, session_ids: Sequence[str], host: str | None, owner: str | None
    ) -> builtins.list[str]:
        """Those on the host and of the owner, read from just these two fields."""
        answers = self._door.batch(
            [("HMGET", self._keys.session(found), "host", "owner") for found in session_ids]
        )
        return [
            found
            for found, (its_host, its_owner) in zip(session_ids, answers, strict=True)
            if (host is None or its_host == host) and (owner is None or its_owner == owner)
        ]

    def _read(
        self, session_ids: Sequence[str], names: Sequence[str]
    ) -> builtins.list[SessionRecord]:
        answers = self._door.batch(
            [("HMGET", self._keys.session(found), *names) for found in session_ids]
        )
        records = []
        for session_id, values in zip(session_ids, answers, strict=True):
            fields = codec.fields_of(values, names)
            if "state" in fields:
                records.append(codec.decode_leniently(session_id, fields))
        return records

    def _existing(self, session_ids: Sequence[str]) -> Iterator[str]:
        answers = self._door.batch([("EXISTS", self._keys.session(found)) for found in session_ids])
        return (found for found, there in zip(session_ids, answers, strict=True) if there)

    def _by_prefix(self, text: str) -> str:
        fitting: list[str] = []
        offset = 0
        low, high = _range(text)
        while len(fitting) <= reference.SHOWN:
            # expired ones stay in the index until it is trimmed: read on past them
            page = self._door.call(
                *("ZRANGEBYLEX", self._keys.ids, low, high),
                *("LIMIT", offset, CHUNK),
            )
            fitting.extend(self._existing(page))
            offset += CHUNK
            if len(page) < CHUNK:
                break
        if not fitting:
            raise reference.not_found(text)
        if len(fitting) == 1:
            return fitting[0]
        shown = fitting[: reference.SHOWN]
        names = self._door.batch([("HGET", self._keys.session(found), "name") for found in shown])
        candidates = list(zip(shown, names, strict=True))
        raise reference.ambiguous(text, candidates, len(fitting) > len(shown))

    def _trim(self, index: str, indexes: Sequence[str], id_of: Callable[[str], str]) -> int:
        dropped = 0
        cursor = 0
        while True:
            cursor, page = self._door.call("ZSCAN", index, cursor, "COUNT", CHUNK)
            members = {member: id_of(member) for member, _ in page}
            if members:
                dropped += self._scripts.trim(indexes, members)
            if not int(cursor):
                return dropped


def _range(prefix: str) -> tuple[bytes, bytes]:
    """The bounds of all members that begin with ``prefix``: no UTF-8 has a byte of 255."""
    stem = b"[" + prefix.encode("utf-8", "surrogateescape")
    return stem, stem + b"\xff"
