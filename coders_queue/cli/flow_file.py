"""What the commands about a flow's file share: the file, its parameters, and all its mistakes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from coders_queue import described_agents, errors
from coders_queue.cli import failure
from coders_queue.cli.context import Context
from coders_queue.cli.parser import complete_with
from coders_queue.cli.text import exact
from coders_queue.flows import parameters, read
from coders_queue.flows.model import Flow
from coders_queue.flows.problem import WrongFlow
from coders_queue.flows.submission import Submission, submit


def add_file(parser: ArgumentParser) -> None:
    """The flow's file."""
    file = parser.add_argument("file", metavar="FILE", help="the flow, in YAML, JSON or TOML")
    complete_with(file, "files")


def add_parameters(parser: ArgumentParser) -> None:
    """The values of its parameters."""
    parser.add_argument(
        "-p",
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter's value; a list is a,b,c or a JSON array, an object is JSON",
    )


def load(options: Namespace, context: Context) -> Flow:
    """The flow of the file that was named, checked. Raises ConfigError."""
    described_agents.use(context.environ)
    return read.load(Path(options.file))


def submission(flow: Flow, options: Namespace, context: Context) -> Submission:
    """The flow with its parameters, as it would be submitted here. Raises UsageError."""
    words = [exact(word) for word in options.parameter]
    return submit(flow, parameters.of_words(flow, words), exact(context.here))


def telling_all(act: Callable[[], int], options: Namespace, context: Context) -> int:
    """Do it; of a wrong flow, tell every mistake and not just the first."""
    try:
        return act()
    except WrongFlow as wrong:
        if len(wrong.problems) == 1:
            raise
        if options.json:
            problems = [{"message": message, "hint": hint} for message, hint in wrong.problems]
            context.console.json({"error": {**failure.described(wrong), "problems": problems}})
        for message, hint in wrong.problems:
            failure.say(context.console, errors.ConfigError(message, hint))
        return wrong.exit_code
