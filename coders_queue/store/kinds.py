"""The kinds of events, and what an event of each says beside its session, attempt and host.

No prompt, output, reason or environment ever goes into an event.
"""

from __future__ import annotations

from typing import Any

from coders_queue.models.activity import Activity
from coders_queue.models.approval import Approval
from coders_queue.models.firing import FAILED, STOPPED
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec

#: Somebody asked for the end of a session that a host holds.
CANCEL_REQUESTED = "session.cancel_requested"
#: The host installs the version of the agent's program that the session wants.
INSTALLING = "session.installing"
#: An attempt ended that is followed by another.
REQUEUED = "session.requeued"
#: A session that waits was given another priority.
PRIORITIZED = "session.prioritized"
#: A session that waits is to be carried out by another agent.
REDIRECTED = "session.redirected"
#: What the agent is doing has changed.
ACTIVITY = "session.activity"
#: Somebody called on a session's own socket with a token that is not the session's.
TOKEN_REFUSED = "session.token_refused"  # noqa: S105 - an event's kind
#: Celery has delivered the result.
SETTLED = "session.settled"
#: An action of a rule was given up.
RULE_FAILED = FAILED
#: A rule was stopped: it had triggered itself, or the chain of rules was too long.
RULE_STOPPED = STOPPED
#: An attempt's archive is complete.
ARCHIVED = "session.archived"

#: A message to the session became a dead letter. (Spelled again in ``lua/_mail.lua``.)
MESSAGE_DEAD = "message.dead"

#: An agent began to wait for a person.
APPROVAL_OPENED = "approval.opened"
#: An answer to it set out; its key is about to be pressed; it did not get there.
APPROVAL_CLAIMED, APPROVAL_PRESSED = "approval.claimed", "approval.pressed"
APPROVAL_FAILED = "approval.failed"
#: It was answered; it was denied, since nobody answered in time; it waits no more.
APPROVAL_ANSWERED, APPROVAL_EXPIRED = "approval.answered", "approval.expired"
APPROVAL_GONE = "approval.gone"


def of_state(state: State) -> str:
    """The kind of a move to the state."""
    return f"session.{state.value}"


def about_spec(spec: SessionSpec) -> dict[str, Any]:
    """What the first event of a session says."""
    return {"agent": spec.agent, "name": spec.name, "owner": spec.owner}


def about_outcome(outcome: Outcome) -> dict[str, Any]:
    """What the event of an end says."""
    return {
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "cause": outcome.cause.kind if outcome.cause else None,
    }


def about_attempt(end: AttemptEnd, due_at: float | None) -> dict[str, Any]:
    """What the event of an attempt's end says that is followed by another."""
    return {
        "exit_code": end.exit_code,
        "signal": end.signal,
        "cause": end.cause.kind,
        "due_at": due_at,
    }


def about_redirection(before: str, agent: str) -> dict[str, Any]:
    """What the event of another agent says."""
    return {"agent": agent, "instead_of": before}


def about_activity(activity: Activity) -> dict[str, Any]:
    """What the event of a new activity says: no question, which may quote anything."""
    return {
        "doing": activity.doing,
        "since": activity.since,
        "source": activity.source,
        "resets_at": activity.resets_at,
    }


def about_approval(approval: Approval) -> dict[str, Any]:
    """What its event says: no question, no answer's words and no command, which may be secret."""
    answer = approval.answer
    told: dict[str, Any] = {
        "approval": approval.id,
        "kind": approval.kind,
        "tool": approval.call.tool if approval.call else None,
    }
    if answer is not None:
        told |= {"by": answer.by, "deny": answer.deny, "choice": answer.choice}
    return told
