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
#: How often places are written down at which nothing followed, seconds.
_KEEP = 1.0
#: The wait for an event while there is more to be done than can be done at once, seconds.
_SHORTLY = 0.02


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
        self._clock = clock
        self.jobs = RuleJobs(store, self._rules, actions, clock)
        self._states: dict[str, RuleState] = {}
        #: The places that are written down, and when they last were. A place at which nothing
        #: followed need not be: what is decided on again there comes to the same.
        self._kept: dict[str, str] = {}
        self._kept_at = 0.0
        self._behind = False
        self._told: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Find each rule's place in the stream; one that is new begins at its end."""
        last = self._store.last_event_id()
        states = {name: self._store.rules.begin(name, last) for name in self._rules}
        self._kept = {name: state.position for name, state in states.items()}
        self._states = states
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
        wait = min(block, _SHORTLY) if self.jobs.hungry else block
        events = self._store.events(first, limit=_BATCH, block=wait)
        self._behind = len(events) == _BATCH
        new = False
        if events:
            sessions = self._sessions(events)
            for name in self._rules:
                new = self._decide(name, events, sessions) or new
        if not 0 <= self._clock() - self._kept_at < _KEEP:
            self._keep()
        return len(events) + self.jobs.act(new=new)

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
    ) -> bool:
        """Decide on those that the rule has not seen; whether there is something to do."""
        rule, before = self._rules[name], self._states[name]
        place = store_rules.event_place(before.position)
        state = before
        jobs: list[RuleJob] = []
        for event in events:
            if store_rules.event_place(event.id) <= place:
                continue
            if not matches(rule, event.kind):
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
        last = max((before.position, events[-1].id), key=store_rules.event_place)
        state = state.model_copy(update={"position": last})
        if not jobs and state == before.model_copy(update={"position": last}):
            self._states[name] = state
            return False
        return self._commit(name, state, jobs) and bool(jobs)

    def _commit(self, name: str, state: RuleState, jobs: Sequence[RuleJob] = ()) -> bool:
        done = self._store.rules.commit(name, state, jobs, expect=self._kept[name])
        if not done:  # another worker was faster, or all of it is gone
            state = self._store.rules.begin(name, self._store.last_event_id())
        self._states[name] = state
        self._kept[name] = state.position
        return done

    def _keep(self) -> None:
        """Write down how far the rules have come."""
        for name, state in self._states.items():
            if state.position != self._kept[name]:
                self._commit(name, state)
        self._kept_at = self._clock()

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
        self._commit(name, later)

    def _tell_once(self, what: str, name: str, text: str) -> None:
        if (name, text) not in self._told and len(self._told) < 1000:
            self._told.add((name, text))
            log.warning(what, rule=name, cause=text)
