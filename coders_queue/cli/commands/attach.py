"""``coders attach``: become the terminal of a session."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace

from coders_queue import errors
from coders_queue.cli import exits, terminal
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference

EXAMPLES = ("coders attach fix", "coders attach 3f2a")
NOTES = (
    "Detach with Ctrl-b d; the session goes on. From inside another tmux press Ctrl-b twice:\n"
    "Ctrl-b Ctrl-b d."
)


def arguments(parser: ArgumentParser) -> None:
    """The session."""
    add_reference(parser)
    add_json(parser, "print the command to run as a JSON object instead of running it")


def run(options: Namespace, context: Context) -> int:
    """Replace this process by the host's command."""
    console = context.console
    if not options.json and not (sys.stdin.isatty() and console.out.isatty()):
        raise errors.UsageError(
            "attach needs a terminal, and this is none",
            f"to watch only: coders logs -f {options.ref}",
        )
    argv = context.host.ask("attach", {"ref": options.ref})["argv"]
    if options.json:
        console.json({"argv": argv})
        return exits.FINE
    environ = terminal.environment(context.environ)
    console.note(f"detach with {'Ctrl-b Ctrl-b d' if 'TMUX' in context.environ else 'Ctrl-b d'}")
    console.out.flush()
    try:
        os.execvpe(argv[0], argv, environ)  # noqa: S606
    except OSError as error:
        raise errors.SetupError(
            f"cannot run {argv[0]}: {error.strerror}", "coders doctor"
        ) from None
