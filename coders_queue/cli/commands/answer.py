"""``coders answer``: answer in words what an agent asks by itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import request
from coders_queue.cli.commands import approve
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import exact

EXAMPLES = ("coders answer fix keep", "coders answer fix 2", "coders answer fix --file plan.md")
NOTES = (
    "What an agent asks by its tool ask, or by coders here ask, waits with all that waits for a\n"
    "person: coders approvals. It is answered once, from any host; of the choices that are\n"
    "offered, the number will do, and other words are an answer, too. coders deny says no."
)


def arguments(parser: ArgumentParser) -> None:
    """What, and the answer."""
    action = parser.add_argument(
        "ref", metavar="SESSION|ID", help="the session that asks, or the approval's id"
    )
    complete_with(action, "sessions")
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", help="the answer, in one word of the shell"
    )
    file = parser.add_argument(
        "--file", metavar="FILE", help="read the answer from a file; - is standard input"
    )
    complete_with(file, "files")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Give it."""
    text = request.read_text(options.text, options.file, "the answer", "--file")
    if text is None or not text.strip():
        raise errors.UsageError("there is no answer", "give TEXT or --file FILE")
    params = {"ref": exact(options.ref), "choice": text}
    return approve.answer(context, params, as_json=options.json)
