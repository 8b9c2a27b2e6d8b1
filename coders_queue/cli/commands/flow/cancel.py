"""``coders flow cancel``: end a flow with all its sessions."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, flow
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders flow cancel review", 'coders flow cancel 3f8d23e5 --reason "wrong branch"')


def arguments(parser: ArgumentParser) -> None:
    """Which one, and why."""
    parser.add_argument("ref", metavar="FLOW", help="its id, a prefix of it, or its name")
    parser.add_argument("--reason", metavar="TEXT", default="cancelled", help="why, for the record")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask for it; what runs ends in its own time."""
    console = context.console
    found = context.host.ask("flow-cancel", {"ref": options.ref, "reason": options.reason})
    if options.json:
        console.json(flow.of_json(found))
    else:
        console.line(flow.headline(console, found, time.time()))
    return exits.FINE
