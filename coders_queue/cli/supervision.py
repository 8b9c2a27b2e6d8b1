"""The options of ``run`` and ``spawn`` that say how a session is looked after."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from coders_queue import errors
from coders_queue.cli.text import exact
from coders_queue.cli.times import parse_span

RESTARTS = ("never", "on-crash", "on-failure", "always")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    group = parser.add_argument_group("supervision")
    group.add_argument(
        "--restart",
        choices=RESTARTS,
        help="which ends are followed by another attempt",
    )
    group.add_argument(
        "--restarts", metavar="N", type=int, help="how often at most, within an hour"
    )
    group.add_argument(
        "--check",
        metavar="COMMAND",
        help="decides whether the work is done: run there without a shell, status 0 is success",
    )
    group.add_argument(
        "--stuck-after",
        metavar="SPAN",
        help="call an agent stuck that works this long and gets nowhere",
    )
    group.add_argument(
        "--idle-timeout", metavar="SPAN", help="end an agent that waits this long for a prompt"
    )
    group.add_argument(
        "--priority", metavar="N", type=int, help="who goes first of those that wait: 0 to 9"
    )


def fields(options: argparse.Namespace) -> dict[str, Any]:
    """What was said, as fields of the request; the rest is left out."""
    restart = {"policy": options.restart, "most": options.restarts}
    said = {
        "restart": {key: value for key, value in restart.items() if value is not None} or None,
        "check": _words(options.check),
        "stuck_after": _span(options.stuck_after),
        "idle_timeout": _span(options.idle_timeout),
        "priority": options.priority,
    }
    return {key: value for key, value in said.items() if value is not None}


def _span(text: str | None) -> float | None:
    return None if text is None else parse_span(text)


def _words(text: str | None) -> list[str] | None:
    if text is None:
        return None
    try:
        words = shlex.split(exact(text))
    except ValueError as error:
        raise errors.UsageError(
            f"--check: {str(error).lower()}", "quote it as a shell would want it"
        ) from None
    if not words:
        raise errors.UsageError("--check: there is no command in it", "--check 'make test'")
    return words
