"""``coders limits ls``: the fleet's limits, how far they are used, shares, and used-up quotas."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable
from coders_queue.cli.times import instant, span

EXAMPLES = ("coders limits", "coders limits ls --json")
NOTES = (
    "USED counts the sessions that have a place; WAITING those that want one and that the limit\n"
    "counts, whatever holds them up."
)

_COLUMNS = (
    table.Column("LIMIT"),
    table.Column("COUNTS", shrinks=True),
    table.Column("USED"),
    table.Column("RATE"),
    table.Column("NEXT"),
    table.Column("WAITING"),
)


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    show(context, context.host.ask("limits"), as_json=options.json)
    return exits.FINE


def show(context: Context, found: dict[str, Any], *, as_json: bool) -> None:
    """All that is known of limits."""
    console = context.console
    if as_json:
        console.json(found)
        return
    if found["limits"]:
        rows = [_row(one) for one in found["limits"]]
        for line in table.render(_COLUMNS, rows, console.width()):
            console.line(line)
    else:
        console.note("no limits; coders limits set NAME makes one")
    for owner, weight in found["shares"].items():
        console.line(printable(f"share of {owner}: {weight:g}"))
    for account, until in found["exhausted"].items():
        console.line(printable(f"the quota of {account} is used up until {instant(until)}"))


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    counted = [
        f"{what} {one[what]}" for what in ("agent", "host", "owner", "label") if one.get(what)
    ]
    most = one.get("concurrency")
    rate = one.get("rate")
    return (
        printable(one["name"]),
        printable(", ".join(counted) or "all sessions"),
        one["used"] if most is None else f"{one['used']} of {most}",
        "-" if rate is None else f"{rate:g}/s, burst {one['burst']}",
        "-" if rate is None else f"in {span(one['ready_in'])}" if one["ready_in"] else "now",
        one["waiting"],
    )
