"""``coders worker``: the host side's worker, in the foreground. Becomes that program."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import stack
from coders_queue.cli.context import Context

EXAMPLES = ("coders worker", "coders worker --help")
NOTES = "For service managers and containers; coders up runs one in the background."


def arguments(parser: ArgumentParser) -> None:
    """All is the worker's own."""


def run(options: Namespace, context: Context) -> int:
    """Become the worker."""
    stack.replace_with("worker", *options.words)
