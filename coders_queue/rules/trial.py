"""What a rule would do on an event that somebody thinks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.documents.mistakes import meant, mistakes
from coders_queue.models.event import Event
from coders_queue.models.firing import RuleState
from coders_queue.models.rule import Rule
from coders_queue.rules.decide import Why, decide
from coders_queue.rules.values import SESSION_FIELDS, session_values

_EXAMPLE = 'for example {"kind": "session.failed"}'


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    why: Why
    actions: tuple[tuple[str, dict[str, Any]], ...]
    """What would be done: the kind, and its fields filled in."""
    told: str | None
    faults: tuple[str, ...]
    """Actions whose templates give no value."""

    @property
    def fires(self) -> bool:
        """Whether it would do anything."""
        return self.why == "fires"


def trial(name: str, rule: Rule, data: Mapping[str, Any]) -> Trial:
    """Decide on an event, ``session`` of which may be what is known of it. Raises UsageError."""
    given = dict(data)
    known: Any = given.get("session", "example")
    if isinstance(known, dict):
        given["session"] = known.get("id", "example")
    event = _event(given)
    session = session_values(None, event)
    if isinstance(known, dict):
        for field in known:
            if field not in SESSION_FIELDS:
                raise errors.UsageError(f"a session has no {field!r}", meant(field, SESSION_FIELDS))
        session = {**session, **known}
    labels = session.get("labels")
    if not isinstance(labels, dict) or not all(isinstance(one, str) for one in labels.values()):
        raise errors.UsageError("session.labels should hold names and texts")
    found = decide(name, rule, event, session, RuleState(position="0-0"))
    jobs = () if found.why != "fires" else found.jobs
    return Trial(
        found.why,
        tuple((job.kind, job.payload) for job in jobs if job.kind != "audit"),
        found.told,
        found.faults,
    )


def _event(given: Mapping[str, Any]) -> Event:
    whole = {"id": "0-1", "session": "example", "attempt": 1, "at": 0.0, **given}
    try:
        return Event.model_validate(whole)
    except ValidationError as error:
        first = mistakes(error, whole, Event)[0]
        raise errors.UsageError(
            f"this is no event: {first.message}", first.hint or _EXAMPLE
        ) from None
