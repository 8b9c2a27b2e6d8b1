"""``coders flower``: Flower on this machine's broker. Becomes that program."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import stack
from coders_queue.cli.context import Context

EXAMPLES = ("coders flower", "coders flower --help")
NOTES = "Shows hosts, queues and sessions with their true runtime in a browser."


def arguments(parser: ArgumentParser) -> None:
    """All is Flower's own."""


def run(options: Namespace, context: Context) -> int:
    """Become Flower."""
    stack.replace_with("flower", *options.words)
