"""``coders down``: stop the worker, beat and the embedded broker of this machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, stack
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders down",)
NOTES = "Sessions stay: they run on, and the next worker takes them up again."


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Stop it."""
    answer = stack.down()
    if options.json:
        context.console.json(answer)
    else:
        context.console.line("stopped; sessions stay")
    return exits.FINE
