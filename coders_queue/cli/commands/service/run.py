"""``coders service run``: the whole stack under one process in the foreground. Becomes that."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import stack
from coders_queue.cli.context import Context

EXAMPLES = ("coders service run",)
NOTES = (
    "What the installed service runs; for containers and other service managers, too. It ends\n"
    "when it is told to (SIGTERM, SIGINT) or by coders down; sessions stay."
)


def arguments(parser: ArgumentParser) -> None:
    """Nothing."""


def run(options: Namespace, context: Context) -> int:
    """Become it."""
    stack.replace_with("serve")
