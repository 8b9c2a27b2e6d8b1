"""Which spaces of shared context are a session's own: those it was given."""

from __future__ import annotations

from coders_queue import errors
from coders_workers.in_session.call import Call


def own(call: Call) -> tuple[str, ...]:
    """Its spaces, in their order. Raises Denied when it has none."""
    spaces = tuple(dict.fromkeys(call.record.spec.context))
    if not spaces:
        raise errors.Denied(
            "this session has no space of shared context",
            "whoever starts it names one: --context team:NAME",
        )
    return spaces


def chosen(call: Call) -> tuple[str, ...]:
    """The one that was asked for, or all. Raises Denied for another's."""
    spaces = own(call)
    named = call.params.get("space")
    if named is None:
        return spaces
    if named not in spaces:
        raise errors.Denied(
            f"{named[:80]!r} is no space of this session", f"it has: {', '.join(spaces)}"
        )
    return (named,)
