"""``search``: shared context by words."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Answer, Verb


def _shown(answer: Answer) -> str:
    return "\n".join(
        f"{hit['space']} {hit['key']} ({hit['kind']})\n    {hit['excerpt']}"
        for hit in answer["hits"]
    )


VERB = Verb(
    "search",
    "Finds entries of your spaces of shared context by words, the best first. Do it before you "
    "look for something that another session may have found already.",
    Parameter("query", "text", "the words", positional=True, required=True, largest=1000),
    Parameter("space", "text", "only in this one of your spaces", largest=300),
    Parameter("limit", "count", "so many at most (10)", least=1, most=100, metavar="N"),
    answer="`hits`: [entries](shared-context.md) with `score` and `excerpt`, without their texts",
    examples=('coders here search "who owns the api"',),
    shown=_shown,
)
