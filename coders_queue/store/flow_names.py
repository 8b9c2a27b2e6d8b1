"""Which flow is meant, and what the log says of an end: alike for every store."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue import errors
from coders_queue.models.flow import FlowRecord, RunEnded
from coders_queue.models.outcome import Outcome

#: How many are named of those that an ambiguous reference fits.
_NAMED = 8


def resolve(reference: str, records: Sequence[FlowRecord]) -> str:
    """The id of the flow of that id, prefix or name. Raises NotFound, Ambiguous.

    ``records``: newest first. Of several of one name the one that is not over is meant; when all
    are over, the newest.
    """
    named = [one for one in records if one.name == reference]
    live = [one for one in named if one.state == "running"]
    if len(live) == 1 or (named and not live):
        return (live or named)[0].id
    found = live or [one for one in records if reference and one.id.startswith(reference)]
    if not found:
        raise errors.NotFound(f"there is no flow {reference[:80]!r}", "see: coders flow ls")
    if len(found) > 1:
        shown = ", ".join(f"{one.id[:8]} ({one.name})" for one in found[:_NAMED])
        raise errors.Ambiguous(
            f"{reference!r} fits {len(found)} flows: {shown}", "use more of the id"
        )
    return found[0].id


def ended(run: str, outcome: Outcome) -> RunEnded:
    """The entry of a run's end."""
    cause = None if outcome.cause is None else outcome.cause.kind
    return RunEnded(run=run, state=outcome.state, cause=cause, at=outcome.ended_at)
