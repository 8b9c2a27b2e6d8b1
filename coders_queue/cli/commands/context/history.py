"""``coders context history``: the last writes of a space, or of one key."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, table
from coders_queue.cli.commands.context import ls
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable

EXAMPLES = ("coders context history team:web", "coders context history team:web api/owner")
NOTES = "As many as are kept, the latest first; coders context get --version N prints an old one."

_COLUMNS = (
    table.Column("VERSION"),
    table.Column("KEY", shrinks=True),
    table.Column("KIND"),
    table.Column("BYTES"),
    table.Column("AUTHOR", shrinks=True),
    table.Column("WRITTEN"),
)


def arguments(parser: ArgumentParser) -> None:
    """Of what."""
    parser.add_argument("space", metavar="SPACE", help="the space: team:web")
    parser.add_argument("key", metavar="KEY", nargs="?", help="of this entry alone")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    key = None if options.key is None else exact(options.key)
    found = context.host.ask("context-history", {"space": exact(options.space), "key": key})
    console = context.console
    if options.json:
        console.json(found)
        return exits.FINE
    if not found["writes"]:
        console.note(f"nothing was written to {printable(options.space)}")
        return exits.FINE
    now = time.time()
    rows = []
    for one in found["writes"]:
        name, kind, version, size, author, at, _ = ls.entry(one, now)
        rows.append((version, name, kind, size, author, at))
    for line in table.render(_COLUMNS, rows, console.width()):
        console.line(line)
    return exits.FINE
