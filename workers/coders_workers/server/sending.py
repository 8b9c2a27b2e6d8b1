"""The ``send`` verb: prompts that are delivered, text and keys that are typed as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from coders_queue import errors, ids
from coders_queue.agents import registry
from coders_queue.models.key import check_key
from coders_queue.models.record import SessionRecord
from coders_workers.server import params as read
from coders_workers.server.station import Station
from coders_workers.supervisor.deliver import TIMEOUT

Params = dict[str, Any]

_MOST_KEYS = 100


class Sending:
    """Types into sessions, checked where their agent takes prompts."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._deliverer = station.deliverer

    def send(self, record: SessionRecord, params: Params, gone: Callable[[], bool]) -> Params:
        """Do what the request asks; what happened."""
        self._station.running_here(record)
        if record.spec.mode != "interactive":
            raise errors.Conflict(
                f"session {record.label} runs headless: nobody reads what is typed there",
                "spawn it with --interactive",
            )
        about: Params = {"id": record.id, "name": record.spec.name}
        if keys := _keys(params):
            self._press(record, keys)
            return {**about, "how": "pressed"}
        text = read.text(params, "text") or ""
        enter = read.flag(params, "enter", True)
        checked = enter and not read.flag(params, "raw")
        if not checked or not registry.get(record.spec.agent).takes_prompt:
            self._station.runtime.send(
                ids.attempt_ref(record.id, record.attempt), text, enter=enter
            )
            return {**about, "how": "typed"}
        limit = read.seconds(params, "timeout")
        receipt = self._deliverer.deliver(record, text, TIMEOUT if limit is None else limit, gone)
        return {**about, "how": "delivered", **asdict(receipt)}

    def _press(self, record: SessionRecord, keys: list[str]) -> None:
        reference = ids.attempt_ref(record.id, record.attempt)
        self._station.runtime.leave_copy_mode(reference)
        for key in keys:
            self._station.runtime.press(reference, key)


def _keys(params: Params) -> list[str]:
    keys = params.get("keys") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise errors.UsageError("'keys' must be a list of texts")
    if len(keys) > _MOST_KEYS:
        raise errors.UsageError(f"{len(keys)} keys at once are too many", f"at most {_MOST_KEYS}")
    if keys and read.text(params, "text"):
        raise errors.UsageError("text and keys cannot be sent together", "send one, then the other")
    return [check_key(key) for key in keys]
