"""The verb about rules: how far they have read, what became of what they did."""

from __future__ import annotations

from typing import Any

from coders_queue.models.rule import Rule
from coders_queue.queue.rule_engine import lease_name
from coders_workers.server.station import Station


class Ruled:
    """Shows the rules of this host's configuration."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def shown(self) -> dict[str, Any]:
        """All of them, and which worker carries them out."""
        rules = self._station.settings.rules
        store = self._station.store
        holder = store.lease_holder(lease_name(rules)) if rules else None
        return {
            "rules": [self._rule(name, rule) for name, rule in rules.items()],
            "holder": holder,
            "last_event": store.last_event_id() if rules else None,
        }

    def _rule(self, name: str, rule: Rule) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": name,
            "about": rule.about,
            "on": list(rule.on),
            "when": rule.when,
            "do": [action.kind for action in rule.do],
        }
        report = self._station.store.rules.report(name)
        if report is None:
            return {**found, "position": None, "failure": None}
        state = report.state
        counts = ("position", "fired", "passed", "stopped", "missed", "faults", "fault", "fired_at")
        return {
            **found,
            **{key: getattr(state, key) for key in counts},
            "event": state.event,
            "pending": report.pending,
            "done": report.done,
            "failed": report.failed,
            "failure": None if report.failure is None else report.failure.model_dump(),
        }
