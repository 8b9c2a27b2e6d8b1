"""What a reference that leads nowhere, or to several sessions, is answered with."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue import errors

#: How many candidates an error names.
SHOWN = 10


def not_found(reference: str) -> errors.NotFound:
    """Nothing fits."""
    return errors.NotFound(f"no session {reference!r}", "coders ls --all shows them all")


def ambiguous(
    reference: str, candidates: Sequence[tuple[str, str | None]], more: bool
) -> errors.Ambiguous:
    """Several fit: id and name of each, and whether there are others."""
    named = ", ".join(f"{found} ({name})" if name else found for found, name in candidates)
    return errors.Ambiguous(
        f"{reference!r} fits several sessions: {named}{', and more' if more else ''}",
        "give more of the id",
    )


def name_taken(name: str, holder: str) -> errors.Conflict:
    """Another live session has the name."""
    return errors.Conflict(
        f"the name {name!r} belongs to session {holder}, which is live",
        "choose another name, or wait for its end",
    )
