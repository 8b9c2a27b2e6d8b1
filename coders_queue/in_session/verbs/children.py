"""``children``: the sessions that this one has begun."""

from __future__ import annotations

from coders_queue.in_session.verb import Answer, Verb

#: What each of them is told as.
CHILD = (
    "`id`, `name`, `agent`, `state`, `doing`, `exit_code`, `cause` (`kind`, `message`), `result`, "
    "`cwd`, `branch`; what is not known yet is null, and so is a `result` of more than 64 KiB, "
    "where `result_left_out` is true"
)


def shown(answer: Answer) -> str:
    """A line for each."""
    return "\n".join(
        f"{one['id'][:8]}  {one['name'] or '-'}  {one['agent']}  {one['state']}"
        for one in answer["sessions"]
    )


VERB = Verb(
    "children",
    "Lists the sessions that you have begun, with their states, and the results of those that "
    "have ended.",
    answer=f"`sessions`, each with {CHILD}",
    examples=("coders here children --json",),
    shown=shown,
    reads=True,
)
