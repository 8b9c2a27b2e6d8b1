"""``ask``: a question to a person."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Answer, Verb

#: The longest question, characters; it is kept as one line.
LARGEST = 500


def _shown(answer: Answer) -> str:
    if answer["denied"]:
        return f"no: {answer['answer']}" if answer["answer"] else "no"
    return str(answer["answer"])


VERB = Verb(
    "ask",
    "Asks the people who watch a question and waits for one of them to answer, for as long as it "
    "takes or until the time is up. While it waits, the session shows as waiting, with the "
    "question. Ask only what you cannot decide or find out yourself, one question at a time. No "
    "answer in time is an error: take it as no permission.",
    Parameter(
        "question", "text", "the question, in one line", positional=True, required=True,
        largest=LARGEST,
    ),
    Parameter(
        "choices", "texts", "an answer that is offered; another one may come all the same",
        metavar="TEXT", largest=2000,
    ),
    Parameter(
        "timeout", "number", "seconds after which nobody is waited for any more; "
        "coordination.ask_timeout at most", least=1, most=2 * 24 * 3600.0, metavar="SECONDS",
    ),
    answer="`answer`, a text; `denied`, whether a person said no (then `answer` is why, or null); "
    "`by`, who it was",
    examples=('coders here ask "Drop the old table?" --choices keep --choices drop',),
    shown=_shown,
    holds=True,
    patience=2 * 24 * 3600.0 + 60,
)  # fmt: skip
