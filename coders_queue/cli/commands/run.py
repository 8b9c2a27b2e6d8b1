"""``coders run``: start an agent, watch it, print how it ended.

Standard output carries what the agent says and nothing else; what ``coders`` says is on standard
error. With ``--json`` standard output is the one object.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits, lazy, request, session, watch
from coders_queue.cli.context import Context

EXAMPLES = (
    'coders run claude "fix the failing test"',
    "coders run claude@2.1.240 --task-file plan.md --worktree HEAD --name fix",
    "coders run shell -- make test",
    "coders run shell --json -- python -c 'print(1)'",
    "coders run claude --interactive --env ANTHROPIC_API_KEY",
)
NOTES = (
    "Ctrl-C stops watching: the session goes on. With --interactive on a terminal you are\n"
    "attached to it; detach with Ctrl-b d."
)

#: How much of what was streamed is remembered, to not print the same answer twice, bytes.
_REMEMBERED = 1024 * 1024
#: How long after its terminal closed a session's end may take to be known, seconds.
_SETTLING = 1.0


def arguments(parser: ArgumentParser) -> None:
    """As ``spawn``."""
    request.add_arguments(parser)


def run(options: Namespace, context: Context) -> int:
    """Spawn, watch, report."""
    console = context.console
    params = request.build(options, context.environ, wait=True)
    started = context.host.ask(
        "spawn", params, timeout=request.SPAWN_LIMIT, doing=f"starting {params['spec']['agent']}"
    )
    session.warn(console, started)
    streamed = b""
    try:
        if not options.json:
            name = session.label(started)
            if (waits := session.waits(started)) is not None:
                console.note(f"{name} waits {waits}")
            console.note(f"attach: coders attach {name}")
            if started.get("mode") == "interactive" and sys.stdin.isatty() and console.out.isatty():
                return _attached(context, started)
            streamed = _stream(context, started)
        final = watch.until_end(context, started["id"])
    except KeyboardInterrupt:
        watch.left(context, started)
        return exits.INTERRUPTED
    if options.json:
        console.json({**final, "warnings": started.get("warnings") or []})
    else:
        _report(context, final, streamed)
    return exits.of_session(final)


def _stream(context: Context, started: dict[str, Any]) -> bytes:
    """Show the output as it comes; the end of what was shown."""
    shown = bytearray()

    def sink(data: bytes) -> None:
        context.console.data(data)
        shown.extend(data)
        del shown[:-_REMEMBERED]

    watch.follow(context, started["id"], sink)
    return bytes(shown)


def _report(context: Context, final: dict[str, Any], streamed: bytes) -> None:
    console = context.console
    if streamed and not streamed.endswith(b"\n"):
        # the block begins on a line of its own, and a pipe's bytes stay as they were
        print(file=console.err if not console.out.isatty() else console.out)
    session.print_result(console, final, time.time(), console.err)
    answer = session.result_text(final)
    if answer and answer.strip().encode("utf-8", "surrogateescape") not in streamed.replace(
        b"\r", b""
    ):
        session.print_answer(console, answer)


def _attached(context: Context, started: dict[str, Any]) -> int:
    """Put the person into the session's terminal; report if it has ended when they come out."""
    argv = context.host.ask("attach", {"ref": started["id"]})["argv"]
    lazy.run_in_terminal(argv, context.environ)
    try:
        # the terminal closes a moment before the end is on record
        final = watch.until_end(context, started["id"], _SETTLING)
    except errors.TimedOut:
        context.console.note(f"coders: detached; {session.label(started)} goes on")
        context.console.note(f"  attach: coders attach {session.label(started)}")
        return exits.FINE
    session.print_result(context.console, final, time.time(), context.console.err)
    return exits.of_session(final)
