"""``finish``: the session's result, declared by its agent."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb

#: The largest result, bytes of JSON.
LARGEST = 256 * 1024

VERB = Verb(
    "finish",
    "Declares the result of your whole session, or that it has failed. It becomes the session's "
    "result when you end; the last declaration counts. Where the task asked for an answer under a "
    "JSON schema, the result is checked now, and you are told what is wrong with it. End your "
    "work after it.",
    Parameter(
        "result", "value", "the result: a text, or data", positional=True, largest=LARGEST
    ),
    Parameter(
        "failed", "text", "why the work has failed, in one line: the session ends as failed",
        largest=500, metavar="WHY",
    ),
    answer="nothing",
    holds=True,
    examples=(
        'coders here finish "the tests pass; see branch fix-parser"',
        """coders here finish --data '{"verdict": "pass", "score": 9}'""",
        'coders here finish --failed "the server cannot be reached from here"',
    ),
)  # fmt: skip
