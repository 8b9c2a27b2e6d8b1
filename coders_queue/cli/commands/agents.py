"""``coders agents``: the agents that this machine has."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders agents", "coders agents ls --json")

_COLUMNS = (
    table.Column("AGENT"),
    table.Column("MODES", shrinks=True, rank=2),
    table.Column("VERSION", shrinks=True, rank=1),
    table.Column("PROGRAM", shrinks=True),
)


def arguments(parser: ArgumentParser) -> None:
    """What to do with them."""
    parser.add_argument("action", choices=("ls",), nargs="?", default="ls", help="ls: list them")
    add_json(parser, "print a list of JSON objects")


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    agents = context.host.ask("agents", doing="looking for agents")["agents"]
    if options.json:
        console.json(agents)
        return exits.FINE
    rows = [
        (
            one["name"],
            ", ".join(one.get("modes") or ()),
            one.get("version") or "-",
            one.get("path") or _missing(one.get("program")),
        )
        for one in agents
    ]
    for line in table.render(_COLUMNS, rows, console.width()):
        console.line(line)
    return exits.FINE


def _missing(program: str | None) -> str:
    return "the command given after --" if program is None else f"{program}: not on PATH"
