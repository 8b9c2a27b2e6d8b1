"""``coders up``: start the broker, the worker and beat of this machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, lazy
from coders_queue.cli.commands import status
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders up",)
NOTES = "Not needed before run or spawn: they do the same. What runs already is left alone."


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Start it and say what runs."""
    started = lazy.start_stack()
    if options.json:
        context.console.json(started)
    else:
        status.show(context, status.read(context))
    return exits.FINE
