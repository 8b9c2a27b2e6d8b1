"""``coders context get``: print an entry's text.

Byte for byte, but for a terminal: what others wrote must not steer that.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable_block

EXAMPLES = (
    "coders context get team:web api/owner",
    "coders context get team:web api/owner --version 3",
    "coders context get repo:shop docs/plan.md > plan.md",
)


def arguments(parser: ArgumentParser) -> None:
    """Which entry, and which version of it."""
    parser.add_argument("space", metavar="SPACE", help="the space: team:web")
    parser.add_argument("key", metavar="KEY", help="what it is found by")
    parser.add_argument(
        "--version", metavar="N", type=int, help="as it was then, while that is kept"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    params = {"space": exact(options.space), "key": exact(options.key), "version": options.version}
    found = context.host.ask("context-get", params)
    if options.json:
        context.console.json(found)
        return exits.FINE
    console = context.console
    if console.out.isatty():
        console.line(printable_block(found["text"]))
    else:
        console.data(found["text"].encode("utf-8", "surrogateescape"))
    return exits.FINE
