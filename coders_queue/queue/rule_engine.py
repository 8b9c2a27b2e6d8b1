"""Carries rules out: follows the event stream, decides, and has what follows done.

Knows the store and a way to do an action, and nothing of Celery. A decision is written down
together with what it asks for and the place in the stream, in one step, and only while the rule is
still where it was: whoever dies or is doubled, each event is decided on once. What is written down
is then tried until it is done or given up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from coders_queue.clock import Clock, system_clock
from coders_queue.models.event import Event
from coders_queue.models.firing import RuleJob, RuleState
from coders_queue.models.rule import Rule
from coders_queue.queue.rule_jobs import Actions, RuleJobs
from coders_queue.rules.decide import decide, matches
from coders_queue.rules.values import session_values
from coders_queue.store import rules as store_rules
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: How many events are decided on at once.
_BATCH = 200


def lease_name(rules: Mapping[str, Rule]) -> str:
    """The lease of those who have the same rules."""
    told = "".join(f"{name}\0{rule.model_dump_json()}\0" for name, rule in sorted(rules.items()))
    return f"rules:{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:16]}"


class RuleEngine:
    """Moves rules along."""

    def __init__(
        self,
        store: Store,
        rules: Mapping[str, Rule],
        actions: Actions,
        clock: Clock = system_clock,
    ) -> None:
        self._store = store
        self._rules = dict(rules)
        self.jobs = RuleJobs(store, self._rules, actions, clock)
        self._states: dict[str, RuleState] = {}
        self._behind = False
        self._told: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Find each rule's place in the stream; one that is new begins at its end."""
        last = self._store.last_event_id()
        self._states = {name: self._store.rules.begin(name, last) for name in self._rules}
        for name in self._rules:
            self._look_back(name)

    def turn(self, block: float) -> int:
        """Decide on what is new, waiting for it up to ``block`` seconds; have done what is due.

        How much there was of either.
        """
        if not self._states:
            self.begin()
        elif self._behind:  # so far behind that the stream may have been cut meanwhile
            for name in self._rules:
                self._look_back(name)
        first = min((one.position for one in self._states.values()), key=store_rules.event_place)
        events = self._store.events(first, limit=_BATCH, block=block)
        self._behind = len(events) == _BATCH
        if events:
            sessions = self._sessions(events)
            for name in self._rules:
                self._decide(name, events, sessions)
        return len(events) + self.jobs.act()

    def close(self) -> None:
        """Begin nothing more; what is not done is done by the next one."""
        self.jobs.close()

    # -- decisions -----------------------------------------------------------------------------

    def _sessions(self, events: Sequence[Event]) -> Callable[[Event], dict[str, Any]]:
        wanted = {
            event.session
            for event in events
            if any(matches(rule, event.kind) for rule in self._rules.values())
        }
        records = self._store.get_many(wanted) if wanted else {}
        return lambda event: session_values(records.get(event.session), event)

    def _decide(
        self, name: str, events: Sequence[Event], sessions: Callable[[Event], dict[str, Any]]
    ) -> None:
        rule, before = self._rules[name], self._states[name]
        place = store_rules.event_place(before.position)
        state = before
        jobs: list[RuleJob] = []
        for event in events:
            if store_rules.event_place(event.id) <= place:
                continue
            if not matches(rule, event.kind):
                state = state.model_copy(update={"position": event.id})
                continue
            decision = decide(name, rule, event, sessions(event), state)
            state = decision.state
            jobs += decision.jobs
            if decision.why in ("loop", "depth"):
                log.warning("rule_stopped", rule=name, why=decision.why, chain=decision.told)
            elif decision.why == "fault":
                self._tell_once("rule_condition_failed", name, decision.told or "")
            for told in decision.faults:
                self._tell_once("rule_template_failed", name, told)
        if state.position == before.position:
            return
        if self._store.rules.commit(name, state, jobs, expect=before.position):
            self._states[name] = state
        else:  # another worker was faster, or all of it is gone
            last = self._store.last_event_id()
            self._states[name] = self._store.rules.begin(name, last)

    def _look_back(self, name: str) -> None:
        """Say so when events are gone that the rule has not seen."""
        state = self._states[name]
        if not self._store.rules.forgotten(state.position):
            return
        log.warning("rule_events_missed", rule=name, position=state.position)
        oldest = self._store.events("0-0", limit=1)
        if not oldest:
            return
        milliseconds, sequence = store_rules.event_place(oldest[0].id)
        # just before the oldest that there is: that one is still to be looked at
        place = f"{milliseconds}-{sequence - 1}" if sequence else f"{milliseconds - 1}-0"
        later = state.model_copy(update={"missed": state.missed + 1, "position": place})
        if self._store.rules.commit(name, later, (), expect=state.position):
            self._states[name] = later

    def _tell_once(self, what: str, name: str, text: str) -> None:
        if (name, text) not in self._told and len(self._told) < 1000:
            self._told.add((name, text))
            log.warning(what, rule=name, cause=text)
