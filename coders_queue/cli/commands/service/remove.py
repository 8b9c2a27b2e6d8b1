"""``coders service remove``: the machine starts the stack no more."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, service
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable

EXAMPLES = ("coders service remove", "sudo coders service remove --system")
NOTES = "Stops the worker, beat and the embedded broker; sessions stay, and so does all state."


def arguments(parser: ArgumentParser) -> None:
    """Which manager, and the form."""
    service.add_manager(parser)
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Have it removed and say what was done."""
    answer = service.ask("remove", options)
    if options.json:
        context.console.json(answer)
        return exits.FINE
    context.console.line(f"removed {printable(answer.get('path'))}")
    service.tell(context.console, answer)
    return exits.FINE
