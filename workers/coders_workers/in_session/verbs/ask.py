"""``ask``: put into the one queue of what waits for a person, and shown with the activity."""

from __future__ import annotations

import contextlib
from typing import Any

from coders_queue import errors
from coders_queue.models.approval import Approval, Option, ended, new_id, who
from coders_queue.models.record import SessionRecord
from coders_workers.in_session.call import Call
from coders_workers.supervisor.sayings import Asking, Saying

#: How often it is looked whether the caller has hung up, seconds.
_LOOK = 2.0
#: How many questions an attempt may ask.
_MOST = 200


def run(call: Call) -> dict[str, Any]:
    """Ask, and wait. Raises TimedOut when nobody answered in time: that fails closed."""
    asking = _asking(call)
    change, ref, place = call.station.host.sayings.change, call.ref, call.directory
    change(ref, place, lambda now: _with(now, asking))
    try:
        over = _wait(call, _open(call, asking))
    finally:
        with contextlib.suppress(OSError):  # its attempt may be over, and gone
            change(ref, place, lambda now: _without(now, asking))
    answer = over.answer
    if over.state != "answered" or answer is None:
        raise errors.TimedOut(
            f"nobody has answered: the question is {ended(over)}",
            "nothing counts as the answer: do not take it for a yes",
        )
    text = answer.because if answer.deny else answer.text
    return {"answer": text, "denied": answer.deny, "by": who(answer.by)}


def _asking(call: Call) -> Asking:
    text = " ".join(call.params["question"].split())
    if not text:
        raise errors.UsageError("the question is empty", "ask it in one line")
    known = call.station.host.sayings.of(call.ref) or Saying()
    if known.asked >= _MOST:
        raise errors.Denied(
            f"you have asked {known.asked} questions, and may not ask more", "decide it yourself"
        )
    limit = call.station.settings.coordination.ask_timeout
    now = call.station.host.clock()
    return Asking(
        # the same for the same request: asked again, it is one question
        id=new_id(call.record.id, call.record.attempt, f"ask/{call.request}", 0.0),
        text=text,
        choices=tuple(filter(None, (" ".join(one.split()) for one in _choices(call)))),
        since=now,
        until=now + min(limit, call.params.get("timeout", limit)),
    )


def _choices(call: Call) -> list[str]:
    found: list[str] = call.params.get("choices", [])
    return found


def _open(call: Call, asking: Asking) -> Approval:
    record = call.record
    return call.station.store.approvals.open(
        Approval(
            id=asking.id,
            session=record.id,
            attempt=record.attempt,
            name=record.spec.name,
            host=call.station.host.name,
            owner=record.spec.owner,
            agent=record.spec.agent,
            kind="ask",
            text=asking.text,
            options=tuple(Option(text=one) for one in asking.choices),
            since=asking.since,
            deadline=asking.until,
        )
    )


def _wait(call: Call, approval: Approval) -> Approval:
    """What became of it; withdrawn when its time is up, and when who asked is gone."""
    store, clock = call.station.store.approvals, call.station.host.clock
    until = approval.since if approval.deadline is None else approval.deadline
    found = approval

    def settled(record: SessionRecord) -> bool:
        nonlocal found
        found = store.get(approval.id) or found
        return not found.waits or record.state.ended or record.attempt != approval.attempt

    while found.waits:
        left = until - clock()
        if left <= 0 or call.gone():
            break
        if call.station.bulletin.wait(approval.session, settled, min(left, _LOOK)) is not None:
            break
    if not found.waits:
        return found
    # an answer that came meanwhile counts
    return store.close(approval.id) or store.get(approval.id) or found


def _with(saying: Saying, asking: Asking) -> Saying:
    others = _without(saying, asking).asks
    again = any(one.id == asking.id for one in saying.asks)
    asked = saying.asked + (0 if again else 1)
    return saying.model_copy(update={"asks": (*others, asking), "asked": asked})


def _without(saying: Saying, asking: Asking) -> Saying:
    left = tuple(one for one in saying.asks if one.id != asking.id)
    return saying.model_copy(update={"asks": left})
