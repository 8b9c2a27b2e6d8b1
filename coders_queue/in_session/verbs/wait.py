"""``wait``: until children have ended."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb
from coders_queue.in_session.verbs import children

VERB = Verb(
    "wait",
    "Waits until sessions that you have begun have ended, and gives their results: all of them, "
    "or those that you name. A child that failed is a result, too. When the time is up it is an "
    "error, and they go on: wait again, or go on without them.",
    Parameter(
        "sessions", "texts", "an id, the start of one, or a name; none means all",
        positional=True, metavar="SESSION", largest=4096,
    ),
    Parameter("first", "flag", "whether one that has ended is enough"),
    Parameter(
        "timeout", "number", "seconds after which they are waited for no longer (3600)", least=0,
        most=2 * 24 * 3600.0, metavar="SECONDS",
    ),
    answer=f"`sessions`, as {children.VERB.name}: those that have ended",
    examples=("coders here wait", "coders here wait tests --timeout 600 --json"),
    shown=children.shown,
    holds=True,
    patience=2 * 24 * 3600.0 + 60,
    reads=True,
)  # fmt: skip
