"""The life of a session: its states and the one table of legal moves.

The store applies this table atomically; nothing else decides what may follow what. What a running
agent is doing (working, idle, waiting, ...) is its *activity*, not a state of this table.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a session stands."""

    QUEUED = "queued"
    """Written down; no host has been chosen."""
    ASSIGNED = "assigned"
    """A host and an attempt number have been chosen; the spawn is under way to it."""
    STARTING = "starting"
    """The host has taken the attempt and is bringing the agent up."""
    RUNNING = "running"
    """The agent's process lives and was started as asked."""
    SUCCEEDED = "succeeded"
    """Ended: the agent did what it does when all is well."""
    FAILED = "failed"
    """Ended: the agent failed, could not be started, or was lost; the outcome says why."""
    CANCELLED = "cancelled"
    """Ended: a person, a deadline or a canvas asked for it."""

    @property
    def ended(self) -> bool:
        """Whether nothing follows this state."""
        return self in ENDED

    @property
    def on_host(self) -> bool:
        """Whether a host holds the session."""
        return self in ON_HOST


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
ON_HOST = frozenset({State.ASSIGNED, State.STARTING, State.RUNNING})

#: From each state, the states that may follow. ``QUEUED`` after a host state is a requeue, which
#: the next assignment turns into a new attempt.
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.ASSIGNED, State.FAILED, State.CANCELLED}),
    State.ASSIGNED: frozenset({State.STARTING, State.QUEUED, State.FAILED, State.CANCELLED}),
    State.STARTING: frozenset({State.RUNNING, State.QUEUED, *ENDED}),
    State.RUNNING: frozenset({State.QUEUED, *ENDED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}


def may_follow(source: State, target: State) -> bool:
    """Whether the table allows the move."""
    return target in MOVES[source]


def sources_of(target: State) -> frozenset[State]:
    """The states from which ``target`` may be reached."""
    return frozenset(source for source, targets in MOVES.items() if target in targets)
