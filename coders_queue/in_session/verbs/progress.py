"""``progress``: how far the work is, as the agent says it."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb

#: The longest text kept, characters.
LARGEST = 500

VERB = Verb(
    "progress",
    "Reports to the people who watch how far your work is. Call it at the milestones of a long "
    "task: they see the text and the percentage at once. The last report counts.",
    Parameter(
        "text", "text", "what you are at, in one line", positional=True, required=True,
        largest=LARGEST,
    ),
    Parameter(
        "percent", "number", "how much of the work is done, from 0 to 100", least=0, most=100,
        metavar="N",
    ),
    answer="nothing",
    examples=('coders here progress "tests written, now the parser" --percent 40',),
)  # fmt: skip
