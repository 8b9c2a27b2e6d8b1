"""``coders flow show``: how each step of a flow stands."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, flow
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders flow show review", "coders flow show 3f8d23e5 --json")


def arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("ref", metavar="FLOW", help="its id, a prefix of it, or its name")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    found = context.host.ask("flow-show", {"ref": options.ref})
    if options.json:
        console.json(flow.of_json(found))
        return exits.FINE
    console.line(flow.headline(console, found, time.time()))
    for line in flow.graph(console, found):
        console.line(line)
    return exits.FINE
