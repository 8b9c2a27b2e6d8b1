"""``coders rules ls``: the rules of this machine's worker, and what became of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable
from coders_queue.cli.times import instant

EXAMPLES = ("coders rules", "coders rules ls --json")
NOTES = (
    "FIRED counts the events on which a rule fired, PASSED those that it passed over since it\n"
    "fires too often, STOPPED those that it had caused itself. PENDING, DONE and FAILED count\n"
    "actions."
)

_COLUMNS = (
    table.Column("RULE"),
    table.Column("ON", shrinks=True, rank=2),
    table.Column("DOES", shrinks=True, rank=1),
    table.Column("FIRED"),
    table.Column("PASSED"),
    table.Column("STOPPED"),
    table.Column("PENDING"),
    table.Column("DONE"),
    table.Column("FAILED"),
    table.Column("LAST"),
)


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    found = context.host.ask("rules")
    if options.json:
        console.json(found)
        return exits.FINE
    if not found["rules"]:
        console.note("no rules; they stand in the configuration, below: rules")
        return exits.FINE
    for line in table.render(_COLUMNS, [_row(one) for one in found["rules"]], console.width()):
        console.line(line)
    for one in found["rules"]:
        for told in _told(one):
            console.line(printable(f"{one['name']}: {told}"))
    if found["holder"] is None:
        console.note("no worker of the control role carries them out just now")
    return exits.FINE


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    begun = one["position"] is not None
    counts = ("fired", "passed", "stopped", "pending", "done", "failed")
    return (
        printable(one["name"]),
        printable(", ".join(one["on"])),
        ", ".join(one["do"]),
        *(one[key] if begun else "-" for key in counts),
        instant(one["fired_at"]) if one.get("fired_at") else "-",
    )


def _told(one: dict[str, Any]) -> list[str]:
    """What there is to say of a rule besides its counts."""
    if one["position"] is None:
        return ["nobody has begun with it"]
    found = []
    if one["missed"]:
        found.append(f"events were gone before it had seen them, {one['missed']} times")
    if one["faults"]:
        found.append(f"its condition gave no value {one['faults']} times: {one['fault']}")
    if failure := one["failure"]:
        found.append(
            f"{failure['kind']} was given up on event {failure['event']}, {instant(failure['at'])}:"
            f" {failure['cause']}"
        )
    return found
