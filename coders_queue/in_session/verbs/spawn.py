"""``spawn``: a session that this one begins."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Answer, Verb


def _shown(answer: Answer) -> str:
    return str(answer["id"])


VERB = Verb(
    "spawn",
    "Begins another session, a child of yours, which works beside you: delegate a part of your "
    "task that stands on its own. It knows nothing of what you know: say all of it in its task. It "
    "may do no more than you may, runs on the same host in your directory or below it, and ends no "
    "later than your deadline. Use wait for its result. How deep and how many there may be is "
    "limited.",
    Parameter("agent", "text", "the agent: claude, codex, ...", positional=True, required=True,
              largest=64),
    Parameter("task", "text", "what it is to do, all of it", positional=True,
              largest=512 * 1024),
    Parameter("argv", "texts", "a word of the command, for the agent shell", metavar="WORD"),
    Parameter("name", "text", "a name for people", largest=63),
    Parameter("cwd", "text", "where it works: a directory of yours, or below it", metavar="DIR",
              largest=4096),
    Parameter("worktree", "text", "work in a git worktree of its own that starts from this "
              "(HEAD, a branch, ...)", metavar="REF", largest=255),
    Parameter("model", "text", "the model, in the agent's own spelling", largest=255),
    Parameter("permission", "text", "what it may do unasked, no more than you may",
              choices=("default", "edit", "full")),
    Parameter("interactive", "flag", "whether it runs in a terminal, in which people can be asked"),
    Parameter("schema", "value", "a JSON schema that its result is to be valid under",
              metavar="JSON", largest=64 * 1024),
    Parameter("timeout", "number", "seconds it may run", least=1, most=30 * 24 * 3600.0,
              metavar="SECONDS"),
    answer="`id`, `name` and `state` of the child",
    examples=(
        'coders here spawn claude "Review src/parser.py for races; finish with a list"',
        "coders here spawn shell --argv make --argv test --name tests",
    ),
    shown=_shown,
    holds=True,
    patience=900.0,
)  # fmt: skip
