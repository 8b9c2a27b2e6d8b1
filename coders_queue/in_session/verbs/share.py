"""``share``: something put where others of the same work find it."""

from __future__ import annotations

from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb

#: The longest value, characters.
LARGEST = 256 * 1024

VERB = Verb(
    "share",
    "Puts a fact, a decision or a small file into a space of shared context, where the other "
    "sessions and people of your work find it: what you found out, what you settled, what others "
    "must know. It replaces what the key held. To claim something that only one may have, say "
    "if_version 0: of several who do so at once, one succeeds.",
    Parameter("key", "text", "what it is found by: api/owner", positional=True, required=True,
              largest=200),
    Parameter("text", "text", "what it says", positional=True, required=True, largest=LARGEST),
    Parameter("kind", "text", "what it is", choices=("decision", "fact", "file")),
    Parameter("space", "text", "which of your spaces; the first one when left out", largest=300),
    Parameter("if_version", "count", "write only over this version; 0: only where there is none",
              least=0, most=2**31 - 1, metavar="N"),
    Parameter("lasts", "number", "seconds after which it is gone", least=1, most=10 * 365 * 86400,
              metavar="SECONDS"),
    answer="the [entry](shared-context.md) without its text: `space`, `key`, `version`, ...",
    examples=(
        'coders here share api/owner "Ann owns the API until June"',
        'coders here share claimed/parser "mine" --if-version 0',
    ),
    shown=lambda answer: f"{answer['key']} in {answer['space']} is version {answer['version']}",
)  # fmt: skip
