"""``coders agents conform``: the conformance suite of the host side."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import stack
from coders_queue.cli.context import Context

EXAMPLES = ("coders agents conform claude@2.1.197",)
NOTES = (
    "Drives the real program against the project's model stub, with a clean environment, a\n"
    "scratch home and loopback alone, and prints what holds. See coders agents conform --help."
)


def arguments(parser: ArgumentParser) -> None:
    """All of it is read by the suite."""


def run(options: Namespace, context: Context) -> int:
    """Become it."""
    stack.replace_with("conform", *options.words)
