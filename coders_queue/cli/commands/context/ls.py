"""``coders context ls``: the spaces there are, or the entries of one."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable
from coders_queue.cli.times import ago, span

EXAMPLES = ("coders context", "coders context ls team:web", "coders context ls team:web --json")

_SPACES = (
    table.Column("SPACE", shrinks=True),
    table.Column("ENTRIES"),
    table.Column("BYTES"),
    table.Column("WRITTEN"),
    table.Column("EXPIRES"),
)
_ENTRIES = (
    table.Column("KEY", shrinks=True),
    table.Column("KIND"),
    table.Column("VERSION"),
    table.Column("BYTES"),
    table.Column("AUTHOR", shrinks=True),
    table.Column("WRITTEN"),
    table.Column("EXPIRES"),
)


def arguments(parser: ArgumentParser) -> None:
    """Which space."""
    parser.add_argument("space", metavar="SPACE", nargs="?", help="team:web; all of them without")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    space = None if options.space is None else exact(options.space)
    found = context.host.ask("context-ls", {"space": space})
    console = context.console
    if options.json:
        console.json(found)
        return exits.FINE
    now = time.time()
    columns: tuple[table.Column, ...] = _SPACES if options.space is None else _ENTRIES
    if options.space is None:
        rows = [_space(one, now) for one in found["spaces"]]
        nothing = "nothing is shared; coders context put SPACE KEY TEXT shares something"
    else:
        rows = [entry(one, now) for one in found["entries"]]
        nothing = f"{printable(options.space)} holds nothing"
    if not rows:
        console.note(nothing)
        return exits.FINE
    for line in table.render(columns, rows, console.width()):
        console.line(line)
    return exits.FINE


def entry(one: dict[str, Any], now: float) -> tuple[object, ...]:
    """A row of an entry, or of a write."""
    return (
        printable(one["key"]),
        "removed" if one["removed"] else one["kind"],
        one["version"],
        one["size"],
        printable(author(one)),
        ago(one["at"], now),
        _left(one["expires_at"], now),
    )


def author(one: dict[str, Any]) -> str:
    """Who wrote it, shortened."""
    who, _, name = str(one["author"]).partition(":")
    return name[:8] if who == "session" else name


def _space(one: dict[str, Any], now: float) -> tuple[object, ...]:
    return (
        printable(one["name"]),
        one["entries"],
        one["size"],
        ago(one["written_at"], now),
        _left(one["expires_at"], now),
    )


def _left(until: float | None, now: float) -> str:
    return "-" if until is None else f"in {span(max(0.0, until - now))}"
