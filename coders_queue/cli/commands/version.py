"""``coders version``: the version of coders and what it runs on."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from coders_queue import __version__
from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders version", "coders --version")


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Print it."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    if options.json:
        context.console.json({"version": __version__, "python": python, "platform": sys.platform})
    else:
        context.console.line(f"coders {__version__} (Python {python}, {sys.platform})")
    return exits.FINE
