"""``coders limits share``: the weight of an owner when sessions wait."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import exits
from coders_queue.cli.commands.limits import ls
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders limits share ann 2", "coders limits share ann default")
NOTES = (
    "An owner of weight 2 has twice the starts of one of weight 1, which is everybody's default."
)


def arguments(parser: ArgumentParser) -> None:
    """Whose, and how much."""
    parser.add_argument("owner", metavar="OWNER", help="whose sessions")
    parser.add_argument("weight", metavar="WEIGHT", help="a number above 0, or: default")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Set it, and show all."""
    weight = None if options.weight == "default" else _number(options.weight)
    found = context.host.ask("share", {"owner": options.owner, "weight": weight})
    ls.show(context, found, as_json=options.json)
    return exits.FINE


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise errors.UsageError(
            f"{word!r} is no weight", "write a number above 0, or: default"
        ) from None
