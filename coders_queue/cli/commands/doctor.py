"""``coders doctor``: checks this machine and says the fix."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import checks, exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders doctor", "coders doctor --json | jq '.[] | select(.ok | not)'")
NOTES = "Exits 0 when all is well, 7 when a check failed. Starts nothing and changes nothing."

_COLUMNS = (
    table.Column(""),
    table.Column("CHECK"),
    table.Column("FOUND", shrinks=True),
)


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser, "print a list of {check, ok, found, fix}")


def run(options: Namespace, context: Context) -> int:
    """Check and print."""
    console = context.console
    with console.progress("checking"):
        found = checks.all_of_them(context)
    failed = [one for one in found if not one["ok"]]
    if options.json:
        console.json(found)
    else:
        rows = [("ok" if one["ok"] else "FAIL", one["check"], one["found"]) for one in found]
        for line in table.render(_COLUMNS, rows, console.width(), _painter(context)):
            console.line(line)
        for one in failed:
            console.note(f"coders: {one['check']}: {one['found']}")
            if one["fix"]:
                console.note(f"  try: {one['fix']}")
    return errors.SetupError.exit_code if failed else exits.FINE


def _painter(context: Context) -> table.Paint:
    colours = {"ok": "green", "FAIL": "red"}

    def paint(column: int, cell: str) -> str:
        return context.console.paint(colours.get(cell, ""), cell) if column == 0 else cell

    return paint
