"""``coders context rm``: remove an entry of shared context, or a whole space."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable

EXAMPLES = ("coders context rm team:web api/owner", "coders context rm flow:review --all")
NOTES = "The history remembers a removed entry. A removed space leaves nothing."


def arguments(parser: ArgumentParser) -> None:
    """Which entry."""
    parser.add_argument("space", metavar="SPACE", help="the space: team:web")
    parser.add_argument("key", metavar="KEY", nargs="?", help="what it is found by")
    parser.add_argument("--all", action="store_true", help="the whole space, with its history")
    parser.add_argument(
        "--if-version", metavar="N", type=int, help="only where it has this version"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Remove it."""
    if options.all == (options.key is not None):
        raise errors.UsageError("name a key, or give --all for the whole space")
    if options.all and options.if_version is not None:
        raise errors.UsageError("--if-version is for a key, not for a whole space")
    params = {
        "space": exact(options.space),
        "key": None if options.all else exact(options.key),
        "all": options.all,
        "if_version": options.if_version,
        "session": context.environ.get("CODERS_SESSION_ID"),
    }
    found = context.host.ask("context-rm", params)
    if options.json:
        context.console.json(found)
    else:
        what = "all of it" if options.all else found["key"]
        context.console.note(printable(f"removed from {found['space']}: {what}"))
    return exits.FINE
