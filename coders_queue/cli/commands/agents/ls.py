"""``coders agents ls``: the agents, and which versions of their programs are here."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, stack, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable

EXAMPLES = ("coders agents", "coders agents ls --json")
NOTES = (
    "VERSION is that of the program on PATH, or of the one that the configuration names. A\n"
    "session runs the version asked for (claude@2.1.197), else the pinned one, else the one on\n"
    "PATH, else the newest installed. NOTE says untested when what would run is a version that\n"
    "coders was not tested with, and missing when nothing would."
)

_COLUMNS = (
    table.Column("AGENT"),
    table.Column("VERSION"),
    table.Column("PINNED", shrinks=True, rank=3),
    table.Column("INSTALLED", shrinks=True, rank=2),
    table.Column("TESTED", shrinks=True, rank=4),
    table.Column("NOTE"),
    table.Column("PROGRAM", shrinks=True, rank=1),
)


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser, "print a list of JSON objects")


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    with console.progress("looking for agents"):
        agents = stack.ask(("agents", "ls", f"--cwd={context.here}"))
    if options.json:
        console.json(agents)
        return exits.FINE
    for line in table.render(_COLUMNS, [_row(one) for one in agents], console.width()):
        console.line(line)
    return exits.FINE


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    pinned = one.get("pinned") or {}
    cells = (
        one["name"],
        one.get("version") or "-",
        f"{pinned['version']} ({pinned['from']})" if pinned else "-",
        ", ".join(one.get("installed") or ()) or "-",
        ", ".join(one.get("tested") or ()) or "-",
        one.get("note") or "-",
        one.get("path") or _missing(one),
    )
    return tuple(printable(cell) for cell in cells)


def _missing(one: dict[str, Any]) -> str:
    if one.get("program") is None:
        return "the command given after --"
    runs = one.get("runs")
    return str(runs["path"]) if runs else f"{one['program']}: not on PATH"
