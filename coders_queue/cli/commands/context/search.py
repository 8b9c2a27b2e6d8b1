"""``coders context search``: find entries of shared context by words."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.commands.context.ls import author
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable

EXAMPLES = (
    'coders context search "who owns the api"',
    "coders context search retry --space team:web --json",
)
NOTES = "The best first. A word also finds longer ones that begin with it."


def arguments(parser: ArgumentParser) -> None:
    """What to look for, and where."""
    parser.add_argument("query", metavar="WORDS", help="the words, in one word of the shell")
    parser.add_argument(
        "--space", metavar="SPACE", action="append", default=[], help="only there; repeatable"
    )
    parser.add_argument("--limit", metavar="N", type=int, help="so many at most (10)")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    params = {
        "query": exact(options.query),
        "spaces": [exact(one) for one in options.space],
        "limit": options.limit,
    }
    found = context.host.ask("context-search", params)
    console = context.console
    if options.json:
        console.json(found)
        return exits.FINE
    if not found["hits"]:
        console.note("nothing of that is shared")
    for hit in found["hits"]:
        console.line(printable(f"{hit['space']} {hit['key']} ({hit['kind']}, {author(hit)})"))
        console.line(printable(f"    {hit['excerpt']}"))
    return exits.FINE
