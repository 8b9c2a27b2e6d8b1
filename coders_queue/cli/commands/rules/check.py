"""``coders rules check``: whether the rules in force, or those of a file, are right."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, rule_file
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json

EXAMPLES = ("coders rules check", "coders rules check config.yaml")
NOTES = "A FILE is a configuration file: its section rules is looked at, with the rest of it."


def arguments(parser: ArgumentParser) -> None:
    """The file."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="instead of what is in force")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Read and check."""
    rules = rule_file.load_rules(options.file, context)
    if options.json:
        shown = {name: [action.kind for action in rule.do] for name, rule in rules.items()}
        context.console.json({"ok": True, "rules": shown})
    else:
        context.console.line(f"fine: {len(rules)} rule{'' if len(rules) == 1 else 's'}")
    return exits.FINE
