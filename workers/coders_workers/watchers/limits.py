"""How long a session's agent may show no progress: the request's word, the agent's, the host's."""

from __future__ import annotations

from coders_queue.models.spec import SessionSpec
from coders_queue.settings.schema import Settings
from coders_queue.watching.limits import Limits


def limits_of(spec: SessionSpec, settings: Settings) -> Limits:
    """The limits of one session.

    Who gives a session a limit of its own means all that it does; a tool that an agent calls
    otherwise has at least the time that its thoughts have.
    """
    supervision = settings.supervision
    agents = settings.agent(spec.agent).stuck_after
    thinking = spec.stuck_after or agents or supervision.stuck_after
    return Limits(
        starting=max(supervision.start_after, spec.stuck_after or 0.0),
        thinking=thinking,
        tool=spec.stuck_after or max(supervision.tool_stuck_after, thinking),
        silent=spec.stuck_after or agents,
        repeats=supervision.loop_after,
    )
