"""``coders service show``: the unit as it would be written."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, service
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable, printable_block

EXAMPLES = ("coders service show", "coders service show --launchd")
NOTES = "Writes nothing, and works on any machine. The file is on standard output."


def arguments(parser: ArgumentParser) -> None:
    """Which manager, and the form."""
    service.add_manager(parser)
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Print it."""
    answer = service.ask("show", options)
    if options.json:
        context.console.json(answer)
        return exits.FINE
    there = "is there" if answer.get("installed") else "is not there yet"
    context.console.note(f"coders: {printable(answer.get('path'))} {there}")
    context.console.line(printable_block(str(answer.get("text", "")).rstrip("\n")))
    service.tell(context.console, answer)
    return exits.FINE
