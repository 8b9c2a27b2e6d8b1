"""``coders kill``: end sessions."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference
from coders_queue.cli.session import label

EXAMPLES = ("coders kill fix", 'coders kill fix build --reason "wrong branch"')

#: Seconds for an agent's own grace period and the end that follows.
_LIMIT = 120.0


def arguments(parser: ArgumentParser) -> None:
    """Which ones, and why."""
    add_reference(parser, nargs="+")
    parser.add_argument("--reason", metavar="TEXT", default="killed", help="why, for the record")
    add_json(parser, "print one JSON object, or a list when several sessions are named")


def run(options: Namespace, context: Context) -> int:
    """End each; the first that cannot be ended stops the command."""
    ended = []
    for ref in options.ref:
        params = {"ref": ref, "reason": options.reason}
        one = context.host.ask("kill", params, timeout=_LIMIT, doing=f"ending {ref}")
        ended.append(one)
        if not options.json:
            state = context.console.state(one.get("state"))
            context.console.line(f"{label(one)}  {state}")
    if options.json:
        context.console.json(ended[0] if len(ended) == 1 else ended)
    return exits.FINE
