"""The table of verbs: each one's module, loaded only when it is asked for.

A new verb is a line here, a file in ``verbs/`` that describes it, and a file of the host's that
carries it out.
"""

from __future__ import annotations

from importlib import import_module

from coders_queue import errors
from coders_queue.in_session.verb import Verb

#: Every verb by its name, with its summary.
SUMMARIES: dict[str, str] = {
    "whoami": "which session this is, and what it was asked for",
    "progress": "report how far the work is",
    "ask": "ask a person, and wait for the answer",
    "spawn": "begin a session of your own, a child",
    "children": "the sessions that this one has begun",
    "wait": "wait until children have ended, for their results",
    "finish": "declare the result, or that the work has failed",
    "share": "put something where others of the same work find it",
    "read": "what shared context holds",
    "search": "find something in shared context by words",
    "message": "send a message to another session or a person",
    "inbox": "read the messages for this session, each once",
}


def load(name: str) -> Verb:
    """The verb's description. Raises UsageError for a name that there is none of."""
    if name not in SUMMARIES:
        raise errors.UsageError(
            f"there is no verb {name[:60]!r}", f"there are: {', '.join(SUMMARIES)}"
        )
    verb: Verb = import_module(f"coders_queue.in_session.verbs.{name}").VERB
    return verb


def all_verbs() -> list[Verb]:
    """All of them, in order."""
    return [load(name) for name in SUMMARIES]
