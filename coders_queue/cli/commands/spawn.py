"""``coders spawn``: start an agent and return once its process lives."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, request, session
from coders_queue.cli.context import Context

EXAMPLES = (
    'coders spawn claude "write the changelog" --name changes',
    "coders spawn claude --task-file - --worktree main < plan.md",
    "coders spawn shell --name build --timeout 10m -- make -j4",
    'id=$(coders spawn claude "review HEAD"); coders wait "$id"',
)
NOTES = "Prints the session's id on standard output."


def arguments(parser: ArgumentParser) -> None:
    """As ``run``, and whether to wait for the process."""
    request.add_arguments(parser)
    parser.add_argument(
        "--no-wait", action="store_true", help="return as soon as the request is written down"
    )


def run(options: Namespace, context: Context) -> int:
    """Ask for the session and print its id."""
    console = context.console
    params = request.build(options, context.environ, wait=not options.no_wait)
    started = context.host.ask(
        "spawn", params, timeout=request.SPAWN_LIMIT, doing=f"starting {params['spec']['agent']}"
    )
    session.warn(console, started)
    if options.json:
        console.json(started)
        return exits.FINE
    name = session.label(started)
    console.line(str(started["id"]))
    waits = session.waits(started)
    if waits is None:
        console.note(f"{name} is {started.get('state')}; attach: coders attach {name}")
    else:
        console.note(f"{name} waits {waits}")
    return exits.FINE
