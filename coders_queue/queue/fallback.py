"""Another agent for sessions that wait because the quota of theirs is used up.

Only where the settings name one (``agents.NAME.fallback``), and only for sessions that it can carry
out as they are. Whom it has no quota for either, they wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog

from coders_queue.agents import registry
from coders_queue.models.record import SessionRecord
from coders_queue.settings.schema import Settings
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: Between two looks at who waits, seconds.
_EVERY = 1.0


class Fallback:
    """Turns sessions over to other agents."""

    def __init__(
        self, store: Store, settings: Settings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._instead = {
            name: its.fallback for name, its in settings.agents.items() if its.fallback is not None
        }
        self._monotonic = monotonic
        self._due = 0.0

    def look(self) -> int:
        """Turn over those that can be; how many. Looks not too often, whoever asks."""
        now = self._monotonic()
        if not self._instead or now < self._due:
            return 0
        self._due = now + _EVERY
        found = self._store.admission()
        if not found.exhausted:
            return 0
        waiting = self._store.get_many(one for turn in found.turns for one in turn.sessions)
        count = 0
        for record in waiting.values():
            agent = self._other(record, found.exhausted)
            if agent is not None and self._store.redirect(record.id, agent):
                log.info("session_redirected", session=record.id, agent=agent)
                count += 1
        return count

    def _other(self, record: SessionRecord, exhausted: Mapping[str, float]) -> str | None:
        """The agent that takes it over; None when it waits."""
        spec = record.spec
        if spec.account not in exhausted or record.attempt:
            return None
        if any((spec.model, spec.version, spec.provider, spec.resume, spec.argv)):
            return None
        tried = {spec.agent}
        agent = self._instead.get(spec.agent)
        while agent is not None and agent not in tried:
            tried.add(agent)
            if agent not in exhausted and self._can(agent, spec.mode):
                return agent
            agent = self._instead.get(agent)
        return None

    def _can(self, agent: str, mode: str) -> bool:
        if agent not in registry.names():
            log.warning("fallback_unknown", agent=agent)
            return False
        return mode in registry.get(agent).modes
