"""``coders approvals show``: one thing that waits, with all that its agent shows."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import approval, exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable, printable_block

EXAMPLES = ("coders approvals show 3fa9c2d41b07", "coders approvals show fix --json")


def arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument(
        "ref", metavar="ID|SESSION", help="an approval's id or the start of it, or its session"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    found = context.host.ask("approval", {"ref": exact(options.ref)})
    console = context.console
    if options.json:
        console.json(found)
        return exits.FINE
    console.line(printable(found["text"]))
    for number, option in enumerate(found["options"], 1):
        console.line(f"  {number}. {printable(option['text'])}")
    console.line()
    rows = approval.facts(found, time.time())
    width = max(len(title) for title, _ in rows)
    for title, value in rows:
        console.line(f"{title:<{width}}  {value}")
    if found["detail"]:
        console.line()
        console.line(printable_block(found["detail"]).rstrip("\n"))
    return exits.FINE
