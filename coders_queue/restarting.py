"""Whether another attempt follows the one that ended, when, and what it is asked to do. Pure.

The policy is the request's, else its agent's, else the host's. What ended an attempt is told apart
into few :data:`Kind` of ends; everything else here is arithmetic over the record's history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from coders_queue.models.outcome import Cause
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd, Policy, Restart
from coders_queue.models.spec import SessionSpec

#: ``lost``: its machine or terminal went, and it with them; ``crash``: it fell; ``stuck``: it was
#: ended since nothing came of it; ``limited``: its quota is used up; ``failure``: it, or its check,
#: says that it failed; ``success``.
Kind = Literal["success", "failure", "crash", "stuck", "limited", "lost"]

#: Ends after less than this are quick: nothing can have come of the attempt, seconds.
QUICK = 10.0
#: So many quick ends of the same kind in a row are futile.
FUTILE = 5
#: How long a quota of which nobody says when it is renewed is waited for at first, seconds.
PARKED = 60.0
#: The longest wait in which a session keeps its place on its host and in all limits, seconds.
KEPT = 60.0
#: Statuses with which shells and wrappers pass on that their program fell.
_FALLEN = frozenset({134, 135, 136, 137, 139})
#: A terminal that went away. The rest of what is sent on purpose ends sessions by request.
_HANGUP = 1

_FOLLOWED: dict[Policy, frozenset[Kind]] = {
    "never": frozenset(),
    "on-crash": frozenset({"crash", "stuck", "limited", "lost"}),
    "on-failure": frozenset({"crash", "stuck", "limited", "lost", "failure"}),
    "always": frozenset({"crash", "stuck", "limited", "lost", "failure", "success"}),
}

#: What an agent is told whose conversation goes on.
GO_ON = (
    "You were interrupted: the program or the machine went down, and your work was taken up again "
    "in this conversation. Look at what is done already and do not do it again; then go on with "
    "the task until it is finished."
)


@dataclass(frozen=True)
class Again:
    """Another attempt follows."""

    due_at: float
    """Not before this, epoch seconds."""


@dataclass(frozen=True)
class Over:
    """It was the last one."""

    cause: Cause | None
    """Why there is no other, where that is more than the attempt's own cause; None else."""


def policy_for(
    spec: SessionSpec, configured: Restart, agents_own: Policy | None, *, takes_prompt: bool
) -> Restart:
    """The policy in force. A command that takes no prompt is done once unless somebody says more:
    doing it twice may not be the same."""
    if spec.restart is not None:
        return spec.restart
    if agents_own is not None:
        return configured.model_copy(update={"policy": agents_own})
    return configured if takes_prompt else configured.model_copy(update={"policy": "never"})


def kind_of(cause: Cause | None, exit_code: int | None, signal: int | None) -> Kind | None:
    """What an end was; None for one that nothing follows: asked for, or never begun."""
    if cause is None:
        return "success"
    if cause.kind == "signal":
        return "lost" if signal == _HANGUP else "crash"
    if cause.kind in ("exit", "agent-error", "check"):
        return "crash" if exit_code in _FALLEN else "failure"
    known: dict[str, Kind] = {"lost": "lost", "stuck": "stuck", "rate-limited": "limited"}
    return known.get(cause.kind)


def decide(
    kind: Kind | None,
    end: AttemptEnd,
    history: Sequence[AttemptEnd],
    policy: Restart,
    now: float,
    *,
    resets_at: float | None = None,
    chance: Callable[[], float],
) -> Again | Over:
    """What follows the end. ``chance`` gives numbers from 0 to 1, to spread what falls together."""
    if kind is None or kind not in _FOLLOWED[policy.policy]:
        return Over(None)
    if kind == "lost":
        return Again(now)
    if kind == "limited" and resets_at is not None and resets_at > now:
        return Again(resets_at + chance())
    counted = [
        one
        for one in history
        if one.ended_at > now - policy.window and one.cause.kind not in ("lost",)
    ]
    if kind == "limited":
        limited = sum(one.cause.kind == "rate-limited" for one in counted)
        return Again(now + _backoff(PARKED, max(PARKED, policy.backoff_most), limited, chance))
    counted = [one for one in counted if one.cause.kind != "rate-limited"]
    if _futile(end, history):
        return Over(
            Cause(
                kind="futile",
                message=f"{FUTILE} attempts in a row ended like this at once: {end.cause.message}",
            )
        )
    if len(counted) >= policy.most:
        if not counted:
            return Over(None)
        times = "once" if len(counted) == 1 else f"{len(counted)} times"
        return Over(
            Cause(
                kind=end.cause.kind,
                message=f"{end.cause.message} (restarted {times} in {policy.window:g} s before)",
            )
        )
    return Again(now + _backoff(policy.backoff, policy.backoff_most, len(counted), chance))


def keeps_place(cause: Cause, seconds: float) -> bool:
    """Whether a session that goes on after that time is to be counted meanwhile.

    It is what makes a restart quick on a full host; a quota that is used up is worth no place.
    """
    return cause.kind != "rate-limited" and seconds <= KEPT


def _backoff(first: float, most: float, times: int, chance: Callable[[], float]) -> float:
    """Half of it is certain, the rest is chance: many that fell together rise apart."""
    whole = min(most, first * 2.0 ** min(times, 40))
    return whole * (0.5 + 0.5 * chance())


def _futile(end: AttemptEnd, history: Sequence[AttemptEnd]) -> bool:
    last = [*history, end][-FUTILE:]
    return len(last) == FUTILE and all(
        _quick(one)
        and (one.cause.kind, one.exit_code, one.signal)
        == (end.cause.kind, end.exit_code, end.signal)
        for one in last
    )


def _quick(end: AttemptEnd) -> bool:
    return end.started_at is None or end.ended_at - end.started_at < QUICK


def as_attempted(record: SessionRecord, *, resumes: bool) -> SessionRecord:
    """The record with its request as the current attempt carries it out.

    After an attempt with a conversation, an agent that ``resumes`` goes on in it: told to, or, when
    it had answered and waited for a prompt, told nothing. Any other begins with the task again.
    """
    conversation = next(
        (one.conversation_id for one in reversed(record.history) if one.conversation_id), None
    )
    if conversation is None or not resumes:
        return record
    last = record.history[-1]
    task: str | None = GO_ON
    if last.cause.kind == "check":
        task = f"{GO_ON}\n\nA check of the result failed: {last.cause.message}"
    elif last.idle and record.spec.mode == "interactive":
        task = None
    # what the first attempt was given stands in the conversation
    spec = record.spec.model_copy(update={"resume": conversation, "task": task, "context": ()})
    return record.model_copy(update={"spec": spec, "inputs": ()})
