"""``coders wait``: wait until a session ends."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, session, watch
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference
from coders_queue.cli.times import parse_span

EXAMPLES = (
    "coders wait fix",
    "coders wait fix --timeout 10m --json",
    "coders wait fix && git push",
)
NOTES = (
    "Exits 0 when the agent succeeded, 1 when it failed, 9 when it was cancelled, 8 on --timeout."
)


def arguments(parser: ArgumentParser) -> None:
    """The session, and for how long."""
    add_reference(parser)
    parser.add_argument(
        "--timeout", metavar="SPAN", help="give up after this: seconds, or 90s, 10m, 2h"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Wait and print how it ended."""
    limit = None if options.timeout is None else parse_span(options.timeout)
    final = watch.until_end(context, options.ref, limit)
    if options.json:
        context.console.json(final)
    else:
        session.print_result(context.console, final, time.time(), context.console.out)
    return exits.of_session(final)
