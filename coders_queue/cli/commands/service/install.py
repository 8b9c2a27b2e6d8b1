"""``coders service install``: have the machine start the stack, and keep it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, service
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable

EXAMPLES = (
    "coders service install",
    "sudo coders service install --system",
    "coders service install --launchd",
)
NOTES = (
    "Writes a unit and has systemd start it now and at every start of the machine. Where a\n"
    "command of systemd's fails, it is printed for you to run. A user's services end with the\n"
    "last login unless: loginctl enable-linger"
)


def arguments(parser: ArgumentParser) -> None:
    """Which manager, and the form."""
    service.add_manager(parser)
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Have it installed and say what was done."""
    answer = service.ask("install", options)
    if options.json:
        context.console.json(answer)
        return exits.FINE
    what = "wrote" if answer.get("new") else "already there:"
    context.console.line(f"{what} {printable(answer.get('path'))}")
    service.tell(context.console, answer)
    return exits.FINE
