"""``coders kill``: end sessions."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits, failure
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference
from coders_queue.cli.session import label

EXAMPLES = ("coders kill fix", 'coders kill fix build --reason "wrong branch"')

#: Seconds for an agent's own grace period and the end that follows.
_LIMIT = 120.0


def arguments(parser: ArgumentParser) -> None:
    """Which ones, and why."""
    add_reference(parser, nargs="+")
    parser.add_argument("--reason", metavar="TEXT", default="killed", help="why, for the record")
    add_json(parser, "print one JSON object; a list when several are named")


def run(options: Namespace, context: Context) -> int:
    """End each; one that cannot be ended does not spare the others. The first error counts."""
    console = context.console
    told: list[dict[str, Any]] = []
    code = exits.FINE
    for ref in options.ref:
        params = {"ref": ref, "reason": options.reason}
        try:
            one = context.host.ask("kill", params, timeout=_LIMIT, doing=f"ending {ref}")
        except errors.CodersError as error:
            if len(options.ref) == 1:
                raise
            failure.say(console, error)
            told.append({"ref": ref, "error": failure.described(error)})
            code = code or error.exit_code
            continue
        told.append(one)
        if not options.json:
            console.line(f"{label(one)}  {console.state(one.get('state'))}")
    if options.json:
        console.json(told[0] if len(options.ref) == 1 else told)
    return code
