"""``coders approvals ls``: what waits for a person, of all agents and hosts."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import approval, exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable
from coders_queue.cli.times import ago

EXAMPLES = ("coders approvals", "coders approvals ls --json", "coders approvals ls --all")

_COLUMNS = (
    table.Column("ID"),
    table.Column("SESSION", shrinks=True),
    table.Column("AGENT"),
    table.Column("HOST", shrinks=True),
    table.Column("ASKS FOR", shrinks=True),
    table.Column("SINCE"),
    table.Column("DENIED"),
)
_ALL = (*_COLUMNS[:6], table.Column("STATE", shrinks=True))


def arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument(
        "--all", "-a", action="store_true", help="also what waits no more, latest first"
    )
    parser.add_argument("--limit", metavar="N", type=int, help="at most so many")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    if options.limit is not None and options.limit < 1:
        raise errors.UsageError("--limit must be 1 or more")
    found = context.host.ask("approvals", {"all": options.all, "limit": options.limit})
    console = context.console
    if options.json:
        console.json(found)
        return exits.FINE
    if not found["approvals"]:
        console.note("nobody has asked anything" if options.all else "nothing waits for a person")
        return exits.FINE
    now = time.time()
    rows = [
        (
            printable(one["id"]),
            printable(one["name"] or str(one["session"])[:8]),
            printable(one["agent"]),
            printable(one["host"]),
            approval.asked(one),
            ago(one["since"], now),
            approval.standing(one) if options.all else approval.left(one, now),
        )
        for one in found["approvals"]
    ]
    for line in table.render(_ALL if options.all else _COLUMNS, rows, console.width()):
        console.line(line)
    return exits.FINE
