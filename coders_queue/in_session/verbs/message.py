"""``message``: a message to another session, or to a person."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb

#: The longest message, characters.
LARGEST = 64 * 1024

VERB = Verb(
    "message",
    "Sends a message to another session, or to a person. It waits until it is read; messages of "
    "yours to one receiver arrive in their order, and none twice. Nothing comes back but its "
    "delivery id: an answer comes to your inbox.",
    Parameter("to", "text", "a session's name or id, or a person as person:NAME", positional=True,
              required=True, largest=200),
    Parameter("text", "text", "what it says", positional=True, required=True, largest=LARGEST),
    answer="the [message](messages.md): `id`, its delivery id, `to`, `sender`, `text`, `at`",
    examples=(
        'coders here message reviewer "the branch is ready: coders/fix"',
        'coders here message person:ann "may I drop the old table?"',
    ),
    shown=lambda answer: str(answer["id"]),
)  # fmt: skip
