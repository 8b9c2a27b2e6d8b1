"""``whoami``: the session as it may see itself."""

from __future__ import annotations

from coders_queue.in_session.verb import Answer, Verb


def _shown(answer: Answer) -> str:
    return "\n".join(
        f"{key:<10}  {value}" for key, value in answer.items() if value not in (None, {}, [])
    )


VERB = Verb(
    "whoami",
    "Tells which session of coders you are: its id, name, owner, labels, parent and depth, your "
    "deadline, and what you may do.",
    answer="`id`, `name`, `agent`, `owner`, `labels`, `attempt`, `host`, `cwd`, `permission`, "
    "`parent` (a session's id), `depth`, `deadline` (epoch seconds), `schema` (of the result that "
    "is asked for); what there is not is null",
    examples=("coders here whoami", "coders here whoami --json | jq -r .id"),
    shown=_shown,
    reads=True,
)
