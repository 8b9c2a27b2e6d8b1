"""``coders send``: give a session's agent a prompt, or type into its terminal."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits, request
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference, complete_with
from coders_queue.cli.session import label

EXAMPLES = (
    'coders send fix "now run the linter"',
    "coders send fix --file review.md",
    'coders send fix --raw "/compact"',
    "coders send fix --key Escape",
)

#: Seconds that the host takes for a prompt unless told otherwise.
_PATIENCE = 15.0
#: Seconds past that after which the host is thought not to answer.
_SLACK = 15.0


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
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        help="how long to wait until the agent can take it (default 15)",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="type it whatever the terminal shows, and look at nothing; so also for a tool's own "
        "commands",
    )
    parser.add_argument(
        "--no-enter", action="store_true", help="type it only, as --raw, and do not press Enter"
    )
    parser.add_argument(
        "--key",
        metavar="KEY",
        action="append",
        default=[],
        help="press a key instead: Enter, Escape, Up, C-c, ...; may be repeated",
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Send it."""
    if options.timeout is not None and not 1 <= options.timeout <= 86_400:
        raise errors.UsageError("--timeout must be from 1 to 86400 seconds")
    patience = _PATIENCE if options.timeout is None else options.timeout
    answer = context.host.ask(
        "send", _params(options, patience), timeout=patience + _SLACK, doing="delivering"
    )
    if options.json:
        context.console.json(answer)
    else:
        context.console.note(_told(answer))
    return exits.FINE


def _params(options: Namespace, patience: float) -> dict[str, Any]:
    if options.key:
        if options.text is not None or options.file is not None:
            raise errors.UsageError(
                "text and --key cannot be sent together", "send one, then the other"
            )
        return {"ref": options.ref, "keys": options.key}
    text = request.read_text(options.text, options.file, "the text", "--file")
    if text is None:
        raise errors.UsageError("there is no text to send", "give TEXT, --file FILE or --key KEY")
    enter = not options.no_enter
    return {
        "ref": options.ref, "text": text, "enter": enter,
        "raw": options.raw or not enter, "timeout": patience,
    }  # fmt: skip


def _told(answer: dict[str, Any]) -> str:
    """What happened, for a person."""
    to = label(answer)
    how = answer.get("how")
    if how == "pressed":
        return f"pressed in {to}"
    if how != "delivered":
        return f"typed into {to}"
    seconds = f"in {answer.get('seconds', 0):.1f} s"
    if answer.get("queued"):
        return f"sent to {to} {seconds}; it is at work, the text waits for its turn"
    return f"sent to {to} {seconds}"
