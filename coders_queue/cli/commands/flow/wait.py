"""``coders flow wait``: wait until a flow is over."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import flow
from coders_queue.cli.commands.flow.run import print_end
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.times import parse_span

EXAMPLES = ("coders flow wait review", "coders flow wait review --timeout 2h --json")
NOTES = "Exits 0 when it succeeded, 1 when it failed, 9 when it was cancelled, 8 on --timeout."


def arguments(parser: ArgumentParser) -> None:
    """Which one, and for how long."""
    parser.add_argument("ref", metavar="FLOW", help="its id, a prefix of it, or its name")
    parser.add_argument(
        "--timeout", metavar="SPAN", help="give up after this: seconds, or 90s, 10m, 2h"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Wait and print what it gave."""
    limit = None if options.timeout is None else parse_span(options.timeout)
    with context.console.progress(f"waiting for flow {options.ref}") as progress:
        final = flow.until_over(
            context,
            options.ref,
            lambda now: progress.say(f"flow {now['name']} is {now['state']}"),
            limit,
        )
    print_end(context, final, as_json=options.json)
    return flow.exit_code(final)
