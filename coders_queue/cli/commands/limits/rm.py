"""``coders limits rm``: remove a limit of the fleet."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.commands.limits import ls
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders limits rm claude-fleet",)
NOTES = "One that a host's configuration names stays away until that configuration changes."


def arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("name", metavar="NAME", help="the limit's name")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Remove it, and show the rest."""
    found = context.host.ask("limit", {"name": options.name, "remove": True})
    ls.show(context, found, as_json=options.json)
    return exits.FINE
