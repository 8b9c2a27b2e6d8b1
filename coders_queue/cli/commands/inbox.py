"""``coders inbox``: what waits in a mailbox; with ``--ack``, each message once."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import exact, printable, printable_block
from coders_queue.cli.times import ago

EXAMPLES = (
    "coders inbox",
    "coders inbox --ack --json",
    "coders inbox reviewer",
    "coders inbox person:ann --dead",
)
NOTES = (
    "Without --ack it only looks. With it each message is shown once, in the order in which its\n"
    "sender sent it, and is gone then. In a session it is the session's own mailbox."
)


def arguments(parser: ArgumentParser) -> None:
    """Whose, and what is done with them."""
    who = parser.add_argument(
        "who",
        metavar="SESSION|PERSON",
        nargs="?",
        help="whose mailbox: a session, or person:NAME; yours without",
    )
    complete_with(who, "sessions")
    parser.add_argument(
        "--ack", action="store_true", help="acknowledge what is shown: it is not shown again"
    )
    parser.add_argument(
        "--dead", action="store_true", help="the last dead letters, and why they are"
    )
    parser.add_argument("--limit", metavar="N", type=int, help="so many at most (50)")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    if options.ack and options.dead:
        raise errors.UsageError("dead letters are not acknowledged: leave --ack or --dead out")
    whose = {
        "who": None if options.who is None else exact(options.who),
        "session": context.environ.get("CODERS_SESSION_ID"),
    }
    about = {**whose, "limit": options.limit, "dead": options.dead}
    if options.ack:
        found = _read(context, about, whose)
    else:
        found = context.host.ask("inbox", about)
    console = context.console
    if options.json:
        console.json(found)
        return exits.FINE
    if not found["messages"]:
        console.note(f"nothing is in the mailbox of {printable(found['address'])}")
    now = time.time()
    for one in found["messages"]:
        why = f"; dead: {one['why']}" if one["why"] else ""
        sender = f"from {one['sender']}, {ago(one['at'], now)}"
        console.line(printable(f"{one['id']} {sender}{why}"))
        for line in printable_block(one["text"]).split("\n"):
            console.line(f"    {line}".rstrip())
    return exits.FINE


def _read(context: Context, about: dict[str, Any], whose: dict[str, Any]) -> dict[str, Any]:
    """Take messages, acknowledge them, and only then show those that are ours.

    Both may be asked twice: under this reader's name the answers are the same.
    """
    reader = f"inbox {os.urandom(16).hex()}"
    found = context.host.insist("inbox", {**about, "reader": reader})
    ids = [one["id"] for one in found["messages"]]
    if not ids:
        return found
    try:
        params = {**whose, "reader": reader, "ids": ids}
        done = context.host.insist("inbox-ack", params, known=True)
    except errors.CodersError as error:
        context.console.note(
            f"coders: it is not known whether these count as read ({printable(error.message)}); "
            "they may be shown again, with the same ids"
        )
        return found
    own = set(done["acknowledged"])
    return {**found, "messages": [one for one in found["messages"] if one["id"] in own]}
