"""``coders agents install``: a version of an agent's program, beside those that are here."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue import described_agents
from coders_queue.agents import registry
from coders_queue.cli import exits, stack
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import printable

EXAMPLES = ("coders agents install claude@2.1.197", "coders agents install codex@0.169.0 --json")
NOTES = (
    "It comes from npm by name and exact version, and is used only once it is complete, its\n"
    "digest is the registry's and its program has said that version. It lies in the state\n"
    "directory; the program on PATH stays as it is. A version that is here already is left as\n"
    "it is."
)

#: Seconds to wait for it: the installation itself keeps to programs.timeout.
_LIMIT = 3600.0


def arguments(parser: ArgumentParser) -> None:
    """Which one."""
    agent = parser.add_argument("agent", metavar="AGENT@VERSION", help="exactly which version")
    complete_with(agent, "agents")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Have it installed."""
    described_agents.use(context.environ)
    console = context.console
    registry.parse(options.agent)
    with console.progress(f"installing {options.agent}"):
        installed = stack.ask(("agents", "install", options.agent), _LIMIT)
    if options.json:
        console.json(installed)
        return exits.FINE
    what = "installed" if installed["new"] else "is installed already"
    console.line(
        printable(f"{installed['agent']} {installed['version']} {what}: {installed['program']}")
    )
    return exits.FINE
