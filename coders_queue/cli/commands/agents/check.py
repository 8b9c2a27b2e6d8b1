"""``coders agents check``: whether an agent can be run here, or a file of one is right."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import described_agents, errors
from coders_queue.agents import registry
from coders_queue.cli import exits, stack, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import printable

EXAMPLES = (
    "coders agents check claude",
    "coders agents check codex@0.169.0",
    "coders agents check ./aider.toml",
    "coders agents check claude --json | jq '.[] | select(.ok | not)'",
)
NOTES = (
    "Its program, its version and whether that was tested, whether it answers, and whether a\n"
    "login or a key is there: names alone are shown, never a value. Nothing is sent to a model.\n"
    "A file (its name ends in .toml) that describes an agent is read, and when it has a [check],\n"
    "the real program is run with it against the project's model stub, with a clean environment,\n"
    "a scratch home and loopback alone (the last as root only); it takes some minutes.\n"
    "Exits 0 when all is well, 7 when a check failed."
)

_COLUMNS = (
    table.Column(""),
    table.Column("CHECK"),
    table.Column("FOUND", shrinks=True),
)
_LIMIT = 120.0


def arguments(parser: ArgumentParser) -> None:
    """Which one."""
    agent = parser.add_argument(
        "agent",
        metavar="AGENT[@VERSION]|FILE.toml",
        help="the agent; without a version, what would run here; or a file that describes one",
    )
    complete_with(agent, "agents")
    add_json(parser, "print a list of {check, ok, found, fix}; of a file, what conform prints")


def run(options: Namespace, context: Context) -> int:
    """Check and print."""
    described_agents.use(context.environ)
    console = context.console
    if options.agent.endswith(".toml"):
        form = ("--json",) if options.json else ()
        stack.replace_with("check-agent", *form, "--", options.agent)
    registry.parse(options.agent)
    words = ("agents", "check", f"--cwd={context.here}", options.agent)
    with console.progress(f"checking {options.agent}"):
        found = stack.ask(words, _LIMIT)
    failed = [one for one in found if not one["ok"]]
    if options.json:
        console.json(found)
    else:
        rows = [("ok" if one["ok"] else "FAIL", one["check"], one["found"]) for one in found]
        cells = [tuple(printable(cell) for cell in row) for row in rows]
        for line in table.render(_COLUMNS, cells, console.width()):
            console.line(line)
        for one in failed:
            console.note(printable(f"coders: {one['check']}: {one['found']}"))
            if one["fix"]:
                console.note(printable(f"  try: {one['fix']}"))
    return errors.SetupError.exit_code if failed else exits.FINE
