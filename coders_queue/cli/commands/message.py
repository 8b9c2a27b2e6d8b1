"""``coders message``: send a message to a session or a person."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import exits, request
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import exact, printable

EXAMPLES = (
    'coders message reviewer "the branch is ready: coders/fix"',
    'coders message person:ann "may I drop the old table?"',
    "coders message reviewer --file notes.md --id notes-1",
)
NOTES = (
    "Prints the delivery id. It waits in the receiver's mailbox until it is read; an agent at its\n"
    "terminal is given it as soon as it waits for a prompt. With an --id of your own, sending it\n"
    "again sends nothing twice."
)


def arguments(parser: ArgumentParser) -> None:
    """To whom, and what."""
    to = parser.add_argument(
        "to",
        metavar="SESSION|PERSON",
        help="a session by name, id or start of the id; a person as person:NAME",
    )
    complete_with(to, "sessions")
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", help="the message, in one word of the shell"
    )
    file = parser.add_argument(
        "--file", metavar="FILE", help="read the message from a file; - is standard input"
    )
    complete_with(file, "files")
    parser.add_argument("--id", metavar="ID", help="your own id for it, for sending it again")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Send it and print its delivery id."""
    text = request.read_text(options.text, options.file, "the message", "--file", nul=True)
    if text is None:
        raise errors.UsageError("there is no text to send", "give TEXT or --file FILE")
    params = {
        "to": exact(options.to),
        "text": text,
        # so that a request whose answer got lost can be made again
        "key": os.urandom(16).hex() if options.id is None else exact(options.id),
        "session": context.environ.get("CODERS_SESSION_ID"),
    }
    sent = context.host.insist("message", params)
    if options.json:
        context.console.json(sent)
        return exits.FINE
    context.console.line(str(sent["id"]))
    context.console.note(printable(f"sent to {sent['to']}"))
    return exits.FINE
