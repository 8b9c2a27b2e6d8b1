"""What both stores ask of the lifecycle table and of what they are handed, before any write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from coders_queue import errors
from coders_queue.models.lifecycle import ENDED, ON_HOST, State, sources_of
from coders_queue.models.outcome import Cause, Outcome

#: States whose session ends at once when that is asked for: no host has it.
ENDS_AT_ONCE = sources_of(State.CANCELLED) - ON_HOST
#: States in which the host is to act on the request.
HOST_ACTS = sources_of(State.CANCELLED) & ON_HOST
#: What :meth:`Store.move` may be asked for: the rest has methods of its own.
TARGETS = frozenset(State) - ENDED - {State.ASSIGNED}
#: States in which an agent does something.
ACTIVE = frozenset({State.RUNNING})
#: What a record loses when its attempt is over and another will follow.
OF_AN_ATTEMPT = ("host", "assigned_at", "started_at", "pid", "agent_version", "activity")
#: How many ended attempts a record remembers.
HISTORY = 50
#: How long the health of a host that says nothing more is kept, seconds.
HEALTH = 24 * 3600.0
#: How far an owner whose sessions were held up may be behind and catch up, in starts.
CATCH_UP = 32
#: When a session that keeps its place on a host that is away is looked at again, seconds.
AGAIN = 5.0
#: How many that wait for a time one admission looks at.
PARKED = 100
#: How many times at which places became free are remembered.
FREED = 50
#: How long a record is kept once its result is delivered, seconds.
RETENTION = 7 * 24 * 3600.0
#: How long what a group's quorum has counted is kept once none of the group lives, seconds.
QUORUM = 7 * 24 * 3600
#: How long it is kept whose children sessions are, after the last, seconds.
FAMILY = 30 * 24 * 3600.0
#: How long the id that a sender gave a message is remembered, and who acknowledged one, seconds.
SENT, READ = 3600.0, 600.0
#: How much one reader is handed at a time, bytes of texts, but for the last.
HANDFUL = 1024 * 1024
#: About how many events the stream keeps.
MAX_EVENTS = 100_000

T = TypeVar("T")

_EVENT_ID = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?\Z")


def check_target(target: State) -> None:
    """Raises ValueError for a target that :meth:`Store.move` is not for."""
    if target not in TARGETS:
        raise ValueError(f"move() does not lead to {target.value!r}: use assign() or finish()")


def check_priority(priority: int) -> None:
    """Raises UsageError for what is no priority."""
    if priority not in range(10):
        raise errors.UsageError(f"{priority} is no priority", "0 goes first, 9 last")


def cancelled(session_id: str, reason: str) -> Outcome:
    """The outcome of a session that was cancelled before a host had it."""
    return Outcome(id=session_id, state="cancelled", cause=Cause(kind="cancelled", message=reason))


def configured(
    before: Mapping[str, T] | None, now: Mapping[str, T], in_force: Mapping[str, T]
) -> dict[str, T | None]:
    """What a host's configuration changes that said ``before``: None for what goes.

    What it said before and somebody has changed since is theirs.
    """
    said = before or {}
    gone = {name: None for name in said if name not in now and in_force.get(name) == said[name]}
    return gone | {name: value for name, value in now.items() if said.get(name) != value}


def event_place(event_id: str) -> tuple[int, int]:
    """An event's id as numbers that compare. Raises UsageError for anything else."""
    match = _EVENT_ID.match(event_id)
    if match is None:
        raise errors.UsageError(
            f"{event_id!r} is not an event's id", "it looks like 1700000000000-0; 0-0 is the start"
        )
    return int(match[1]), int(match[2] or 0)
