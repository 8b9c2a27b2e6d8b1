"""``coders flow resume``: try again what failed in a flow, or was cancelled."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, flow
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders flow resume review", "coders flow resume review && coders flow wait review")
NOTES = "What succeeded is not done again; what it gave is taken as it was."


def arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("ref", metavar="FLOW", help="its id, a prefix of it, or its name")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask for it."""
    console = context.console
    found = context.host.ask("flow-resume", {"ref": options.ref})
    if options.json:
        console.json(flow.of_json(found))
    else:
        console.line(flow.headline(console, found, time.time()))
    return exits.FINE
