"""What the commands below ``coders service`` share: which manager, and how its answer is told."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import stack
from coders_queue.cli.console import Console
from coders_queue.cli.text import printable


def add_manager(parser: ArgumentParser) -> None:
    """Which service manager is meant."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--system", action="store_true", help="the machine's systemd instead of the user's own"
    )
    which.add_argument("--launchd", action="store_true", help="macOS's launchd")


def ask(action: str, options: Namespace) -> dict[str, Any]:
    """Have it done."""
    words = ["service", action]
    words += ["--system"] if options.system else []
    words += ["--launchd"] if options.launchd else []
    answer = stack.ask(words)
    return answer if isinstance(answer, dict) else {}


def tell(console: Console, answer: dict[str, Any]) -> None:
    """The commands that were run, and those that are still to be."""
    for one in answer.get("done") or ():
        console.line(f"ran: {printable(one['command'])}")
    for one in answer.get("to_do") or ():
        console.line(f"run this yourself: {printable(one['command'])}   ({printable(one['why'])})")
    left_out = answer.get("left_out")
    if left_out:
        console.note(
            f"coders: the service does not get {', '.join(map(printable, left_out))} of this "
            "environment: set in the configuration file what it shall know"
        )
