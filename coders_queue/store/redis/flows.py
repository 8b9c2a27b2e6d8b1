"""Flows on the server all hosts share."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from importlib import resources

from pydantic import TypeAdapter

from coders_queue.clock import Clock
from coders_queue.models.flow import RESUMABLE, Entry, FlowRecord, FlowState, Resumed
from coders_queue.models.outcome import Outcome
from coders_queue.store import codec, flow_names
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door, Word

_SCRIPTS = ("flow_submit", "flow_append", "flow_finish", "flow_resume")
_TEXTS = ("id", "name", "owner", "state", "submission", "cause")
_NUMBERS = ("created_at", "resumed_at", "ended_at")
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
#: How many records are read at once.
_CHUNK = 100


class RedisFlows:
    """See :class:`~coders_queue.store.flows.FlowStore`."""

    def __init__(self, door: Door, names: Keys, clock: Clock, retention: float) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        self._kept = max(1, round(retention * 1000))
        lua = resources.files("coders_queue.store") / "lua"
        self._scripts = {
            name: door.script((lua / f"{name}.lua").read_text("utf-8")) for name in _SCRIPTS
        }

    def submit(self, record: FlowRecord) -> FlowRecord:
        """Write a new flow."""
        where = self._keys
        made = self._door.run(
            self._scripts["flow_submit"],
            [where.flow(record.id), where.flows, where.live_flows],
            [record.id, codec.number(record.created_at), *_fields(record)],
        )
        return record if made else self.get(record.id) or record

    def get(self, flow_id: str) -> FlowRecord | None:
        """A flow's record."""
        return next(self._read([flow_id]), None)

    def list(self, *, live: bool | None = None, limit: int | None = None) -> list[FlowRecord]:
        """Records, newest first."""
        known = self._door.call("ZREVRANGE", self._keys.flows, 0, -1)
        if live is not None:
            alive = set(self.live())
            known = [one for one in known if (one in alive) is live]
        found: builtins.list[FlowRecord] = []
        for start in range(0, len(known), _CHUNK):
            if limit is not None and len(found) >= limit:
                break
            found += self._read(known[start : start + _CHUNK])
        return found[:limit]

    def live(self) -> builtins.list[str]:
        """Ids of those that are not over."""
        return sorted(self._door.call("SMEMBERS", self._keys.live_flows))

    def resolve(self, reference: str) -> str:
        """The id of the flow that is meant."""
        return flow_names.resolve(reference, self.list())

    def length(self, flow_id: str) -> int:
        """How many entries its log has."""
        return int(self._door.call("LLEN", self._keys.flow_log(flow_id)))

    def entries(self, flow_id: str, since: int = 0) -> builtins.list[Entry]:
        """Its log from that entry on."""
        found = self._door.call("LRANGE", self._keys.flow_log(flow_id), since, -1)
        return [_ENTRY.validate_json(one) for one in found]

    def append(self, flow_id: str, entry: Entry, *, expect: int | None = None) -> bool:
        """Add an entry."""
        return self._append(flow_id, entry, "" if expect is None else expect)

    def end_run(self, flow_id: str, run: str, outcome: Outcome) -> bool:
        """Keep a run's outcome."""
        kept = codec.dumps(outcome.model_dump(mode="json"), "the outcome")
        return self._append(flow_id, flow_names.ended(run, outcome), "", run, kept)

    def outcome(self, flow_id: str, run: str) -> Outcome | None:
        """A run's outcome."""
        found = self._door.call("HGET", self._keys.flow_outcomes(flow_id), run)
        return None if found is None else Outcome.model_validate_json(found)

    def finish(
        self, flow_id: str, state: FlowState, cause: str | None, result: object, *, expect: int
    ) -> bool:
        """The flow is over."""
        fields = ["state", state, "ended_at", codec.number(self._clock())]
        if cause is not None:
            fields += ["cause", cause]
        if result is not None:
            fields += ["result", codec.dumps(result, "the flow's result")]
        return bool(
            self._door.run(
                self._scripts["flow_finish"],
                [*self._of(flow_id), self._keys.live_flows],
                [flow_id, expect, self._kept, *fields],
            )
        )

    def resume(self, flow_id: str) -> bool:
        """Have a flow go on."""
        now = codec.number(self._clock())
        return bool(
            self._door.run(
                self._scripts["flow_resume"],
                [*self._of(flow_id), self._keys.live_flows],
                [flow_id, ",".join(RESUMABLE), Resumed().model_dump_json(), now],
            )
        )

    def trim(self) -> int:
        """Drop index entries of expired records; how many."""
        known = self._door.call("ZRANGE", self._keys.flows, 0, -1)
        here = self._door.batch([("EXISTS", self._keys.flow(one)) for one in known])
        gone = [one for one, exists in zip(known, here, strict=True) if not exists]
        if gone:
            self._door.call("ZREM", self._keys.flows, *gone)
        return len(gone)

    def _append(self, flow_id: str, entry: Entry, expect: Word, *outcome: str) -> bool:
        text = entry.model_dump_json(exclude_none=True)
        keys, script = self._of(flow_id), self._scripts["flow_append"]
        return bool(self._door.run(script, keys, [text, expect, *outcome]))

    def _of(self, flow_id: str) -> builtins.list[str]:
        where = self._keys
        return [where.flow(flow_id), where.flow_log(flow_id), where.flow_outcomes(flow_id)]

    def _read(self, flow_ids: builtins.list[str]) -> Iterator[FlowRecord]:
        wanted = (*_TEXTS, *_NUMBERS, "result")
        found = self._door.batch([("HMGET", self._keys.flow(one), *wanted) for one in flow_ids])
        for values in found:
            if values[0] is None:
                continue  # expired, or never there
            fields = {k: v for k, v in zip(wanted, values, strict=True) if v is not None}
            numbers = {name: float(fields[name]) for name in _NUMBERS if name in fields}
            result = json.loads(fields["result"]) if "result" in fields else None
            yield FlowRecord.model_validate({**fields, **numbers, "result": result})


def _fields(record: FlowRecord) -> builtins.list[str]:
    texts = {name: getattr(record, name) for name in _TEXTS if name != "id"}
    pairs = [(name, text) for name, text in texts.items() if text is not None]
    pairs.append(("created_at", codec.number(record.created_at)))
    return [word for pair in pairs for word in pair]
