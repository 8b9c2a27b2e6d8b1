"""``coders deny``: say no to what an agent asks, from any machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli.commands import approve
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact

EXAMPLES = ("coders deny fix", 'coders deny 3fa9c2d41b07 --because "use make test instead"')
NOTES = (
    "Nothing of what it asks for happens, and its turn ends. With --because it is sent those\n"
    "words then as its next prompt."
)


def arguments(parser: ArgumentParser) -> None:
    """What, and why."""
    parser.add_argument(
        "ref", metavar="ID|SESSION", help="an approval's id or the start of it, or its session"
    )
    parser.add_argument("--because", metavar="TEXT", help="what the agent is told")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Deny it."""
    because = None if options.because is None else exact(options.because)
    if because is not None and not because.strip():
        raise errors.UsageError(
            "--because says nothing", "leave it out, or give the agent a reason"
        )
    params = {"ref": exact(options.ref), "deny": True, "because": because}
    return approve.answer(context, params, as_json=options.json)
