"""``coders approve``: answer what an agent asks, from any machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import approval, exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact

EXAMPLES = (
    "coders approve 3fa9c2d41b07",
    "coders approve fix",
    "coders approve fix 2",
    'coders approve fix "Yes, and don\'t ask again"',
)
NOTES = (
    "Without CHOICE it is the plain yes, this once. CHOICE is the number of one of its choices,\n"
    "or what it begins with. The answer is pressed on the session's host, into the very dialog\n"
    "that was asked for, and nowhere else; when it is there no more, nothing is pressed."
)

#: Seconds that the host is given: an answer is given or refused within 15.
_PATIENCE = 25.0


def arguments(parser: ArgumentParser) -> None:
    """What, and which answer."""
    parser.add_argument(
        "ref", metavar="ID|SESSION", help="an approval's id or the start of it, or its session"
    )
    parser.add_argument(
        "choice", metavar="CHOICE", nargs="?", help="a choice's number or its first words"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Answer."""
    choice = None if options.choice is None else exact(options.choice)
    return answer(context, {"ref": exact(options.ref), "choice": choice}, as_json=options.json)


def answer(context: Context, params: dict[str, Any], *, as_json: bool) -> int:
    """Have it answered, and say what came of it."""
    about = {**params, "session": context.environ.get("CODERS_SESSION_ID")}
    found = context.host.ask("approve", about, timeout=_PATIENCE, doing="answering")
    if as_json:
        context.console.json(found)
        return exits.FINE
    context.console.note(approval.answered(found))
    if note := (found.get("answer") or {}).get("note"):
        context.console.note(f"coders: warning: {note}")
    return exits.FINE
