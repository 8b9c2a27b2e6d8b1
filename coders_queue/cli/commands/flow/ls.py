"""``coders flow ls``: the flows, as a table."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.times import ago, span

EXAMPLES = ("coders flow ls", "coders flow ls --all --limit 20", "coders flow ls --json")

_COLUMNS = (
    table.Column("ID"),
    table.Column("NAME", shrinks=True),
    table.Column("STATE"),
    table.Column("BEGAN", rank=1),
    table.Column("TOOK", rank=2),
    table.Column("OWNER", shrinks=True, rank=3),
    table.Column("WHY", shrinks=True, rank=1),
)
_STATE = 2


def arguments(parser: ArgumentParser) -> None:
    """Which ones, and how."""
    parser.add_argument("-a", "--all", action="store_true", help="those that are over, too")
    parser.add_argument("--limit", metavar="N", type=int, help="at most the N newest")
    add_json(parser, "print a list of JSON objects")


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    asked = {"all": options.all, "limit": options.limit}
    flows = context.host.ask("flow-ls", asked, doing="listing flows")["flows"]
    if options.json:
        console.json(flows)
        return exits.FINE
    if not flows:
        console.note("no flows" if options.all else "no flow runs; coders flow ls --all has others")
        return exits.FINE
    now = time.time()
    rows = [
        (
            *(one["id"][:8], one["name"], one["state"], ago(one["created_at"], now)),
            span(max(0.0, (one["ended_at"] or now) - (one["resumed_at"] or one["created_at"]))),
            *(one["owner"], one["cause"] or "-"),
        )
        for one in flows
    ]

    def paint(column: int, cell: str) -> str:
        if column == -1:
            return console.paint("bold", cell)
        return console.state(cell) if column == _STATE else cell

    for line in table.render(_COLUMNS, rows, console.width(), paint):
        console.line(line)
    return exits.FINE
