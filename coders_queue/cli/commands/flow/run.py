"""``coders flow run``: begin a flow, watch it, print what it gives."""

from __future__ import annotations

import time
import uuid
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, flow, flow_file
from coders_queue.cli.context import Context
from coders_queue.cli.live_block import LiveBlock
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable_block
from coders_queue.flows import parameters
from coders_queue.flows.submission import submit
from coders_queue.settings.load import load

EXAMPLES = (
    "coders flow run review.yaml",
    "coders flow run review.yaml -p areas=tests,docs --json",
    "coders flow run nightly.yaml --detach",
)
NOTES = (
    "Exits 0 when the flow succeeded, 1 when it failed, 9 when it was cancelled. Ctrl-C stops the\n"
    "watching; the flow goes on: coders flow show, coders flow cancel."
)


def arguments(parser: ArgumentParser) -> None:
    """The file, its parameters, and whether to stay."""
    parser.add_argument("file", metavar="FILE", help="the flow's file: YAML, JSON or TOML")
    parser.add_argument(
        "-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[],
        help="a parameter; repeatable",
    )  # fmt: skip
    parser.add_argument("--detach", action="store_true", help="print its id and do not wait")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Check all of it, begin it, and watch it to its end."""
    console = context.console
    made = flow_file.load(options, context)
    given = parameters.of_words(made, options.parameters)
    submission = submit(made, given, context.here)
    owner = load(context.environ, context.here).settings.owner
    params = {"id": str(uuid.uuid4()), "submission": submission.dump(), "owner": owner}
    begun = context.host.ask("flow-submit", params, timeout=120.0, doing="beginning the flow")
    if options.detach:
        console.json(flow.of_json(begun)) if options.json else console.line(begun["id"])
        return exits.FINE
    block = LiveBlock(console)

    def seen(now: dict[str, Any]) -> None:
        if options.json and not block.redraws:
            return
        if block.redraws:
            head = flow.headline(console, now, time.time(), console.err)
            block.show([head, *flow.graph(console, now, console.err)])
        else:
            block.show(flow.plain_steps(now))

    try:
        final = flow.until_over(context, begun["id"], seen)
    except KeyboardInterrupt:
        console.note(f"coders: stopped watching; flow {begun['name']} goes on")
        console.note(f"  look: coders flow show {begun['id'][:8]}")
        console.note(f"  end it: coders flow cancel {begun['id'][:8]}")
        return exits.INTERRUPTED
    print_end(context, final, as_json=options.json)
    return flow.exit_code(final)


def print_end(context: Context, final: dict[str, Any], *, as_json: bool) -> None:
    """What it gave, and how it ended."""
    console = context.console
    if as_json:
        console.json(flow.of_json(final))
        return
    if not console.err.isatty():
        console.note(flow.headline(console, final, time.time(), console.err))
    for line in flow.to_look_at(final):
        console.note(line)
    result = final["result"]
    if isinstance(result, str):
        console.line(printable_block(result))
    elif result is not None:
        console.json(result)
