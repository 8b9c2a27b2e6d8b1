"""``coders context put``: write an entry of shared context."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import exits, request
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import exact, printable
from coders_queue.cli.times import parse_span

EXAMPLES = (
    'coders context put team:web api/owner "Ann, until June"',
    "coders context put repo:shop docs/plan.md --file plan.md --kind file",
    'coders context put flow:review verdict "ship it" --kind decision --if-version 0',
    "make report | coders context put team:web build/last --file - --expires 2h",
)
NOTES = (
    "Prints the version that it has now. --if-version N writes only over version N, 0 only where\n"
    "there is none yet: of several who do so at once, one succeeds."
)


def arguments(parser: ArgumentParser) -> None:
    """Where, what, and over what."""
    parser.add_argument("space", metavar="SPACE", help="flow:NAME, team:NAME or repo:NAME")
    parser.add_argument("key", metavar="KEY", help="what it is found by: api/owner")
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", help="the value, in one word of the shell"
    )
    file = parser.add_argument(
        "--file", metavar="FILE", help="read the value from a file; - is standard input"
    )
    complete_with(file, "files")
    parser.add_argument(
        "--kind",
        choices=("decision", "fact", "file"),
        help="what it is (fact, or file with --file)",
    )
    parser.add_argument(
        "--if-version", metavar="N", type=int, help="only over this version; 0: only where none is"
    )
    parser.add_argument(
        "--expires", metavar="SPAN", help="gone after this: seconds, or 90s, 10m, 2h, 7d"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Write it and say its version."""
    text = request.read_text(options.text, options.file, "the value", "--file", nul=True)
    if text is None:
        raise errors.UsageError("there is nothing to put there", "give TEXT or --file FILE")
    from_file = options.file not in (None, "-")
    found = context.host.ask(
        "context-put",
        {
            "space": exact(options.space),
            "key": exact(options.key),
            "text": text,
            "kind": options.kind or ("file" if from_file else "fact"),
            "lasts": None if options.expires is None else parse_span(options.expires),
            "if_version": options.if_version,
            "session": context.environ.get("CODERS_SESSION_ID"),
        },
    )
    if options.json:
        context.console.json(found)
        return exits.FINE
    context.console.line(str(found["version"]))
    context.console.note(printable(f"{found['key']} in {found['space']} is written"))
    return exits.FINE
