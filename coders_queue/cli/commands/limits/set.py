"""``coders limits set``: make a limit of the whole fleet, or another one of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.commands.limits import ls
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with

EXAMPLES = (
    "coders limits set claude-fleet --agent claude --concurrency 5",
    "coders limits set gently --rate 0.5 --burst 3",
    "coders limits set reviews --label kind=review --concurrency 2",
)
NOTES = (
    "It holds at once and on every host. What runs is never ended for it; nobody else starts\n"
    "until there is room. A limit of that name is replaced, with all that it said."
)


def arguments(parser: ArgumentParser) -> None:
    """What it counts, and how many it allows."""
    parser.add_argument("name", metavar="NAME", help="the limit's name")
    agent = parser.add_argument(
        "--agent", metavar="AGENT", help="count this agent's sessions alone"
    )
    complete_with(agent, "agents")
    parser.add_argument("--host", metavar="HOST", help="count sessions on this host alone")
    parser.add_argument("--owner", metavar="OWNER", help="count this owner's sessions alone")
    parser.add_argument("--label", metavar="KEY=VALUE", help="count sessions with this label alone")
    parser.add_argument("--concurrency", metavar="N", type=int, help="so many at once")
    parser.add_argument("--rate", metavar="R", type=float, help="so many starts a second")
    parser.add_argument(
        "--burst", metavar="B", type=int, help="so many starts at once after a pause (1)"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Set it, and show all."""
    names = ("agent", "host", "owner", "label", "concurrency", "rate", "burst")
    limit = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    found = context.host.ask("limit", {"name": options.name, "limit": limit})
    ls.show(context, found, as_json=options.json)
    return exits.FINE
