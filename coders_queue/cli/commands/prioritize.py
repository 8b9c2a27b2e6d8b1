"""``coders prioritize``: change when it is the turn of a session that waits."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, session
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference

EXAMPLES = ("coders prioritize fix 0",)
NOTES = "0 goes first, 9 last; sessions have 5 unless --priority said something else."


def arguments(parser: ArgumentParser) -> None:
    """Which one, and how much it matters."""
    add_reference(parser)
    parser.add_argument("priority", metavar="N", type=int, help="the new priority, 0 to 9")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Change it, and say what it waits for."""
    changed = context.host.ask("prioritize", {"ref": options.ref, "priority": options.priority})
    if options.json:
        context.console.json(changed)
        return exits.FINE
    name = session.label(changed)
    waits = session.waits(changed)
    context.console.line(f"{name} has priority {changed.get('priority')}")
    if waits is not None:
        context.console.note(f"{name} waits {waits}")
    return exits.FINE
