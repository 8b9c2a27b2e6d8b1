"""Whether a rule fires on an event, and what is to be done then: pure, and by the event's own time.

The same event with the same state gives the same answer and the same ids, whoever asks and however
often.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from coders_queue.flows.data import Fault
from coders_queue.flows.language import condition, evaluate
from coders_queue.models.event import Event
from coders_queue.models.firing import FAILED, STOPPED, RuleJob, RuleState
from coders_queue.models.rule import MAX_DEPTH, Rule
from coders_queue.rules import render
from coders_queue.rules.values import chain_of, values

#: Of how many sessions it is remembered when, and how often, a rule fired for them.
_COUNTED = 2000
#: The name space of the ids of what rules do.
_IDS = uuid.UUID("6ec7c2be-1f0a-4c0e-9d5e-2b6a1f6f8a11")

#: ``kind``: it is no event of the rule's. ``condition``: it is not so. ``fault``: the condition
#: gives no value. ``loop``, ``depth``: it triggered itself. The next three: it fires too often.
Why = Literal[
    "fires", "kind", "condition", "fault", "loop", "depth", "debounced", "rate", "at_most"
]


@dataclass(frozen=True)
class Decision:
    """What becomes of a rule on an event."""

    why: Why
    state: RuleState
    jobs: tuple[RuleJob, ...] = ()
    told: str | None = None
    """What was wrong, one line."""
    faults: tuple[str, ...] = ()
    """Actions whose templates gave no value, a line each: they are given up."""


def matches(rule: Rule, kind: str) -> bool:
    """Whether the rule looks at events of a kind."""
    return any(fnmatchcase(kind, pattern) for pattern in rule.on)


def job_id(event: str, rule: str, action: int | str) -> str:
    """The id of what an action does on an event."""
    return str(uuid.uuid5(_IDS, f"{event}/{rule}/{action}"))


def decide(
    name: str, rule: Rule, event: Event, session: Mapping[str, Any], state: RuleState
) -> Decision:
    """Decide on one event. ``session``: as :func:`~coders_queue.rules.values.session_values`."""
    state = state.model_copy(update={"position": event.id})
    if not matches(rule, event.kind):
        return Decision("kind", state)
    labels = session.get("labels") or {}
    known = values(name, event, session, labels)
    try:
        holds = rule.when is None or bool(evaluate(condition(rule.when), known))
    except Fault as fault:
        told = str(fault)[:300].encode("utf-8", "replace").decode("utf-8")
        changed = {"faults": state.faults + 1, "fault": told}
        return Decision("fault", state.model_copy(update=changed), told=told)
    if not holds:
        return Decision("condition", state)
    chain = chain_of(labels)
    if name in chain or len(chain) >= MAX_DEPTH:
        return _stopped(name, event, state, chain)
    held = _held(rule, event, state)
    if held is not None:
        return Decision(held, state.model_copy(update={"passed": state.passed + 1}))
    return _fires(name, rule, event, state, known, (*chain, name))


def _stopped(name: str, event: Event, state: RuleState, chain: tuple[str, ...]) -> Decision:
    why: Why = "loop" if name in chain else "depth"
    told = " > ".join((*chain, name))
    data = {"rule": name, "event": event.id, "why": why, "chain": ",".join(chain)}
    audit = _audit(name, event, chain, STOPPED, data)
    changed = {"stopped": state.stopped + 1}
    return Decision(why, state.model_copy(update=changed), (audit,), told)


def _held(rule: Rule, event: Event, state: RuleState) -> Why | None:
    last = state.quiet.get(_group(rule, event))
    if rule.debounce is not None and last is not None and 0 <= event.at - last < rule.debounce:
        return "debounced"
    if rule.at_most is not None and state.counts.get(event.session, 0) >= rule.at_most:
        return "at_most"
    if rule.rate is not None and len(_recent(rule, event, state)) >= rule.rate:
        return "rate"
    return None


def _fires(
    name: str,
    rule: Rule,
    event: Event,
    state: RuleState,
    known: Mapping[str, Any],
    chain: tuple[str, ...],
) -> Decision:
    jobs, faults = [], []
    for number, action in enumerate(rule.do):
        try:
            filled = render.payload(action, known, chain)
        except Fault as fault:
            told = f"do.{number}.{action.kind}.{fault}"[:300]
            faults.append(told)
            data = {"rule": name, "event": event.id, "action": action.kind, "why": "template"}
            jobs.append(_audit(name, event, chain, FAILED, data, number))
            continue
        jobs.append(
            RuleJob(
                id=job_id(event.id, name, number),
                rule=name,
                kind=action.kind,
                action=number,
                event=event.id,
                session=event.session,
                attempt=event.attempt,
                chain=chain,
                payload=filled,
                at=event.at,
            )
        )
    return Decision("fires", _after(rule, event, state), tuple(jobs), faults=tuple(faults))


def _after(rule: Rule, event: Event, state: RuleState) -> RuleState:
    changed: dict[str, Any] = {
        "fired": state.fired + 1,
        "fired_at": event.at,
        "event": event.id,
    }
    if rule.debounce is not None:
        still = {one: at for one, at in state.quiet.items() if 0 <= event.at - at < rule.debounce}
        still.pop(_group(rule, event), None)
        changed["quiet"] = dict([*still.items(), (_group(rule, event), event.at)][-_COUNTED:])
    if rule.rate is not None:
        changed["recent"] = (*_recent(rule, event, state), event.at)
    if rule.at_most is not None:
        counts = dict(state.counts)
        # the one that fired last stands last: the others are forgotten first
        counts[event.session] = counts.pop(event.session, 0) + 1
        changed["counts"] = dict(list(counts.items())[-_COUNTED:])
    return state.model_copy(update=changed)


def _recent(rule: Rule, event: Event, state: RuleState) -> tuple[float, ...]:
    return tuple(at for at in state.recent if 0 <= event.at - at < rule.per)


def _group(rule: Rule, event: Event) -> str:
    return event.session if rule.debounce_by == "session" else ""


def _audit(
    name: str,
    event: Event,
    chain: tuple[str, ...],
    kind: str,
    data: dict[str, Any],
    number: int | None = None,
) -> RuleJob:
    return RuleJob(
        id=job_id(event.id, name, f"audit/{number}" if number is not None else "audit"),
        rule=name,
        kind="audit",
        event=event.id,
        session=event.session,
        attempt=event.attempt,
        chain=chain,
        payload={"kind": kind, "data": data},
        at=event.at,
    )
