"""``coders agents rm``: remove a version that ``coders agents install`` or a session installed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import described_agents
from coders_queue.agents import registry
from coders_queue.cli import exits, stack
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import printable

EXAMPLES = ("coders agents rm claude@2.1.197",)
NOTES = "A version that a session runs is kept, unless --force is given."


def arguments(parser: ArgumentParser) -> None:
    """Which one."""
    agent = parser.add_argument("agent", metavar="AGENT@VERSION", help="exactly which version")
    complete_with(agent, "agents")
    parser.add_argument("--force", action="store_true", help="even while sessions run it")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Have it removed."""
    described_agents.use(context.environ)
    registry.parse(options.agent)
    force = ("--force",) if options.force else ()
    with context.console.progress(f"removing {options.agent}"):
        removed = stack.ask(("agents", "rm", *force, options.agent))
    if options.json:
        context.console.json(removed)
    else:
        context.console.line(printable(f"{removed['agent']} {removed['version']} removed"))
    return exits.FINE
