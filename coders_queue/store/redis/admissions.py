"""Limits, shares and exhausted accounts on the server, as they are set and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping

from coders_queue.clock import Clock
from coders_queue.models.admission import Admission, LimitUse, Turn
from coders_queue.models.limit import Limit
from coders_queue.store import codec, rules
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import CHUNK, Door
from coders_queue.store.redis.scripts import Scripts


class Admissions:
    """What decides on who starts next. The deciding itself is the scripts'."""

    def __init__(self, door: Door, names: Keys, scripts: Scripts, clock: Clock) -> None:
        self._door = door
        self._keys = names
        self._scripts = scripts
        self._clock = clock

    def set_limits(self, limits: Mapping[str, Limit | None]) -> None:
        """See :meth:`Store.set_limits`."""
        removed = [name for name, limit in limits.items() if limit is None]
        texts = {
            name: codec.encode_limit(limit) for name, limit in limits.items() if limit is not None
        }
        if limits:
            self._scripts.limits(self._clock(), removed, texts)

    def set_shares(self, shares: Mapping[str, float | None]) -> None:
        """See :meth:`Store.set_shares`."""
        key = self._keys.shares
        commands: list[tuple[str, ...]] = []
        for owner, weight in shares.items():
            name = codec.encode_owner(owner)
            if weight is None:
                commands.append(("HDEL", key, name))
            else:
                commands.append(("HSET", key, name, codec.number(weight)))
        if commands:
            self._door.together(*commands)

    def configure(
        self, host: str, limits: Mapping[str, Limit], shares: Mapping[str, float]
    ) -> bool:
        """See :meth:`Store.configure`.

        A host's name is held by one worker, so that nobody else writes what it said last.
        """
        where = self._keys
        said = self._door.call("HGET", where.configured, host)
        text = codec.dumps(
            [
                {name: limit.model_dump() for name, limit in sorted(limits.items())},
                {owner: float(weight) for owner, weight in sorted(shares.items())},
            ],
            "the limits",
        )
        if said == text or (said is None and not limits and not shares):
            return False
        before = json.loads(said) if said else [{}, {}]
        old = {name: Limit.model_validate(data) for name, data in before[0].items()}
        all_limits, all_shares = self._door.together(
            ("HGETALL", where.limits), ("HGETALL", where.shares)
        )
        self.set_limits(rules.configured(old, limits, _limits(all_limits)))
        self.set_shares(rules.configured(before[1], shares, _shares(all_shares)))
        self._door.call("HSET", where.configured, host, text)
        return True

    def exhaust(self, account: str, until: float | None) -> None:
        """See :meth:`Store.exhaust`."""
        key, name = self._keys.exhausted, codec.encode_account(account)
        if until is None:
            self._door.call("ZREM", key, name)
        else:
            self._door.call("ZADD", key, "GT", codec.number(until), name)

    def admission(self) -> Admission:
        """See :meth:`Store.admission`."""
        where = self._keys
        now = codec.number(self._clock())
        limits, shares, exhausted, freed, time, priorities = self._door.together(
            ("HGETALL", where.limits),
            ("HGETALL", where.shares),
            ("ZRANGEBYSCORE", where.exhausted, f"({now}", "+inf", "WITHSCORES"),
            ("LRANGE", where.freed, 0, -1),
            ("TIME",),
            ("HKEYS", where.clocks),
        )
        weights = _shares(shares)
        return Admission(
            limits=self._uses(_limits(limits), int(time[0]) + int(time[1]) / 1e6),
            shares=weights,
            exhausted=dict(
                sorted((json.loads(name), float(until)) for name, until in _pairs(exhausted))
            ),
            turns=self._turns(sorted(priorities), weights),
            freed=tuple(float(at) for at in freed),
        )

    def trim(self) -> None:
        """Drop accounts whose quota is renewed; see that nobody who waits is forgotten."""
        now = self._clock()
        self._door.call("ZREMRANGEBYSCORE", self._keys.exhausted, "-inf", codec.number(now))
        waiting = self._door.call("ZRANGE", self._keys.queued, 0, -1)
        for start in range(0, len(waiting), CHUNK):
            self._scripts.line_up(now, waiting[start : start + CHUNK])

    def _uses(self, limits: Mapping[str, Limit], now: float) -> dict[str, LimitUse]:
        where = self._keys
        counts = self._door.batch([("SCARD", where.limit_sessions(name)) for name in limits])
        used_up = self._door.batch([("GET", where.limit_rate(name)) for name in limits])
        return {
            name: LimitUse(limit=limit, used=int(count), ready_in=_ready_in(limit, until, now))
            for (name, limit), count, until in zip(limits.items(), counts, used_up, strict=True)
        }

    def _turns(self, priorities: list[str], weights: Mapping[str, float]) -> tuple[Turn, ...]:
        where = self._keys
        answers = self._door.batch(
            [("ZRANGE", where.turns(one), 0, -1, "WITHSCORES") for one in priorities]
        )
        turns = [
            (priority, owner, float(at))
            for priority, answer in zip(priorities, answers, strict=True)
            for owner, at in _pairs(answer)
        ]
        lines = self._door.batch(
            [("ZRANGE", where.lines(f"{priority}:{owner}"), 0, -1) for priority, owner, _ in turns]
        )
        found = []
        for (priority, owner, at), names in zip(turns, lines, strict=True):
            members = self._door.batch(
                [("ZRANGE", where.line(name), 0, -1, "WITHSCORES") for name in names]
            )
            ages = sorted((float(at), one) for answer in members for one, at in _pairs(answer))
            name = json.loads(owner)
            found.append(
                Turn(
                    priority=int(priority),
                    owner=name,
                    at=at,
                    weight=weights.get(name, 1.0),
                    sessions=tuple(one for _, one in ages),
                )
            )
        return tuple(found)


def _pairs(answer: list[str]) -> list[tuple[str, str]]:
    return list(zip(answer[::2], answer[1::2], strict=True))


def _items(answer: dict[str, str] | list[str]) -> list[tuple[str, str]]:
    return sorted(answer.items() if isinstance(answer, dict) else _pairs(answer))


def _limits(answer: dict[str, str]) -> dict[str, Limit]:
    return {name: codec.decode_limit(text) for name, text in _items(answer)}


def _shares(answer: dict[str, str]) -> dict[str, float]:
    return {json.loads(owner): float(weight) for owner, weight in _items(answer)}


def _ready_in(limit: Limit, used_up_to: str | None, now: float) -> float:
    if limit.rate is None:
        return 0.0
    used = max(now, float(used_up_to or 0.0))
    return max(0.0, used - (limit.burst - 1) / limit.rate - now)
