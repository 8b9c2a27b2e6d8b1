"""``coders send``: type text into a session."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import exits, request
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference, complete_with
from coders_queue.cli.session import label
from coders_queue.cli.text import printable

EXAMPLES = (
    'coders send fix "now run the linter"',
    "coders send fix --file review.md",
    "coders send fix --no-enter yes",
)


def arguments(parser: ArgumentParser) -> None:
    """The session and the text."""
    add_reference(parser)
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", help="the text, in one word of the shell"
    )
    file = parser.add_argument(
        "--file",
        metavar="FILE",
        help="read the text from a file, byte for byte; - is standard input",
    )
    complete_with(file, "files")
    parser.add_argument("--no-enter", action="store_true", help="do not press Enter after it")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Send it."""
    text = request.read_text(options.text, options.file, "the text", "--file")
    if text is None:
        raise errors.UsageError("there is no text to send", "give TEXT or --file FILE")
    params = {"ref": options.ref, "text": text, "enter": not options.no_enter}
    answer = context.host.ask("send", params, doing="typing")
    if options.json:
        context.console.json(answer)
    else:
        context.console.note(
            f"sent to {printable(options.ref) if 'id' not in answer else label(answer)}"
        )
    return exits.FINE
