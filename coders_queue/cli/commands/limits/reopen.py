"""``coders limits reopen``: a quota that counts as used up is not, after all."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.commands.limits import ls
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with

EXAMPLES = ("coders limits reopen claude",)
NOTES = (
    "An agent that says that its quota is used up until a time keeps others of its account from\n"
    "starting until then. After a bigger plan was bought, say, this lets them go on."
)


def arguments(parser: ArgumentParser) -> None:
    """Whose."""
    account = parser.add_argument("account", metavar="ACCOUNT", help="as coders limits shows it")
    complete_with(account, "agents")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Open it, and show all."""
    found = context.host.ask("reopen", {"account": options.account})
    ls.show(context, found, as_json=options.json)
    return exits.FINE
