"""The verbs about limits, shares and turns."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from coders_queue import errors
from coders_queue.models.admission import Standing
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.record import SessionRecord
from coders_queue.placement import Room, capacity_of, standings
from coders_queue.settings.schema import LimitName, Weight
from coders_workers.server import params as read
from coders_workers.server.station import Station

Params = dict[str, Any]


class Limiting:
    """Shows and changes what decides on who starts next."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def standings(self, records: list[SessionRecord]) -> dict[str, Standing]:
        """What those of them wait for that wait."""
        waiting = [record for record in records if record.state is State.QUEUED]
        if not waiting:
            return {}
        store = self._station.store
        hosts = store.hosts()
        live = store.live_count(hosts)
        rooms = {
            name: Room(capacity=capacity_of(info), live=live[name]) for name, info in hosts.items()
        }
        return standings(store.admission(), waiting, rooms, self._station.host.clock())

    def shown(self) -> dict[str, Any]:
        """All limits with their use, shares and exhausted accounts."""
        store = self._station.store
        found = store.admission()
        ids = [one for turn in found.turns for one in turn.sessions]
        waiting = store.get_many(ids).values()
        hosts = list(store.hosts())
        return {
            "limits": [
                {
                    "name": name,
                    **use.limit.model_dump(),
                    "used": use.used,
                    "ready_in": use.ready_in,
                    "waiting": sum(_counted(use.limit, one, hosts) for one in waiting),
                }
                for name, use in found.limits.items()
            ],
            "shares": found.shares,
            "exhausted": found.exhausted,
            "waiting": len(ids),
        }

    def change(self, params: Params) -> dict[str, Any]:
        """Set a limit, or remove it."""
        name = _name(params)
        if read.flag(params, "remove"):
            if name not in self._station.store.admission().limits:
                raise errors.NotFound(f"there is no limit {name!r}", "see: coders limits")
            self._station.store.set_limits({name: None})
        else:
            self._station.store.set_limits({name: _limit(read.mapping(params, "limit"))})
        self._station.dispatch.fill()
        return self.shown()

    def share(self, params: Params) -> dict[str, Any]:
        """Set an owner's weight; None for that of all others."""
        owner = read.text(params, "owner")
        if not owner:
            raise errors.UsageError("no owner was named")
        weight = params.get("weight")
        try:
            found = None if weight is None else TypeAdapter(Weight).validate_python(weight)
        except ValidationError as error:
            raise _wrong("the weight", error) from None
        self._station.store.set_shares({owner: found})
        return self.shown()

    def reopen(self, params: Params) -> dict[str, Any]:
        """An account is not exhausted any more."""
        account = read.text(params, "account") or ""
        if account not in self._station.store.admission().exhausted:
            raise errors.NotFound(
                f"the quota of {account!r} is not known to be used up", "see: coders limits"
            )
        self._station.store.exhaust(account, None)
        self._station.dispatch.fill()
        return self.shown()

    def prioritize(self, record: SessionRecord, params: Params) -> SessionRecord:
        """Change when it is the turn of a session that waits."""
        priority = read.count(params, "priority", 0)
        if priority is None:
            raise errors.UsageError("no priority was given", "0 goes first, 9 last")
        if not self._station.store.prioritize(record.id, priority):
            current = self._station.store.get(record.id) or record
            raise errors.Conflict(f"session {record.label} does not wait: it is {current.state}")
        return self._station.store.get(record.id) or record


def _counted(limit: Limit, record: SessionRecord, hosts: list[str]) -> bool:
    """Whether it would be counted on a host that it may run on."""
    bound = record.only_host or record.spec.host
    return any(limit.counts(record.spec, host) for host in ([bound] if bound else hosts))


def _name(params: Params) -> str:
    name = read.text(params, "name") or ""
    try:
        return TypeAdapter(LimitName).validate_python(name)
    except ValidationError:
        raise errors.UsageError(
            f"{name[:60]!r} is no name of a limit",
            "use a small letter or digit, then up to 62 of a-z 0-9 . _ -",
        ) from None


def _limit(data: dict[str, Any]) -> Limit:
    try:
        return Limit.model_validate(data)
    except ValidationError as error:
        raise _wrong("the limit", error) from None


def _wrong(what: str, error: ValidationError) -> errors.UsageError:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or what
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return errors.UsageError(f"{where}: {message}")
