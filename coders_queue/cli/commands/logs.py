"""``coders logs``: what a session printed, or prints."""

from __future__ import annotations

import base64
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_reference

EXAMPLES = ("coders logs fix", "coders logs -f fix", "coders logs --raw --attempt 1 fix > fix.raw")
NOTES = "Ctrl-C stops watching: the session goes on."


def arguments(parser: ArgumentParser) -> None:
    """Which session, and how much of it."""
    add_reference(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the session ends")
    parser.add_argument(
        "--raw", action="store_true", help="the bytes as the agent wrote them, not made readable"
    )
    parser.add_argument("--attempt", metavar="N", type=int, help="an earlier attempt, from 1")
    parser.add_argument(
        "--json",
        action="store_true",
        help='print JSON lines: {"data": BASE64} for each piece, then {"state": ...}',
    )


def run(options: Namespace, context: Context) -> int:
    """Hand the bytes on as they come."""
    console = context.console
    params = {
        "ref": options.ref,
        "follow": options.follow,
        "raw": options.raw,
        "attempt": options.attempt,
    }
    for kind, body in context.host.call("logs", params, timeout=None if options.follow else 30.0):
        if options.json:
            console.json_line(body)
        elif kind == "part":
            console.data(base64.b64decode(body.get("data", "")))
    return exits.FINE
