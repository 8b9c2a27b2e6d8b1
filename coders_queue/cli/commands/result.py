"""``coders result``: the result of a session that has ended."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, session
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_reference

EXAMPLES = ("coders result fix", "coders result fix --text > answer.md", "coders result fix --json")
NOTES = "Exits 0 when the agent succeeded, 1 when it failed, 9 when it was cancelled."


def arguments(parser: ArgumentParser) -> None:
    """The session, and the form."""
    add_reference(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="the answer alone")
    form.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    final = context.host.ask("result", {"ref": options.ref})
    answer = session.result_text(final)
    if options.json:
        console.json(final)
        return exits.of_session(final)
    if not options.text:
        session.print_result(console, final, time.time(), console.out)
        if answer:
            console.line()
    if answer:
        session.print_answer(console, answer)
    return exits.of_session(final)
