"""The parsers: one command's, all of them, and the words around ``--``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from coders_queue import __version__
from coders_queue.cli import exits
from coders_queue.cli.catalog import COMMANDS, CommandModule, Entry
from coders_queue.cli.parser import Parser

DESCRIPTION = "coders: AI coding agents as dependable work, in tmux, on one machine or many."
START = 'Start with: coders run claude "fix the failing test"'


def of_command(entry: Entry, module: CommandModule) -> Parser:
    """One command's parser, with its examples."""
    parser = Parser(
        prog=f"coders {entry.name}", description=description(entry, module), epilog=examples(module)
    )
    module.arguments(parser)
    parser.usage = usage(entry, parser)
    return parser


def read(entry: Entry, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """The options in a command's words. All after ``--`` stays as it is where it is an agent's."""
    own, argv = list(words), []
    if entry.takes_argv and "--" in own:
        border = own.index("--")
        own, argv = own[:border], own[border + 1 :]
    options = parser.read(own)
    if entry.takes_argv:
        options.argv = argv
    return options


def complete_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """All commands, but only the arguments of the one that ``words`` name: for completion."""
    parser = Parser(prog="coders")
    parser.add_argument("--version", action="store_true")
    commands = parser.add_subparsers(metavar="COMMAND")
    for entry in COMMANDS.values():
        child = commands.add_parser(entry.name, help=entry.summary)
        if entry.name in words and not entry.verbatim:
            entry.load().arguments(child)
    return parser


def usage(entry: Entry, parser: Parser) -> str:
    """The one line above the help."""
    words = [f"coders {entry.name}"]
    if entry.verbatim:
        return f"{words[0]} [ARGUMENT...]"
    words.append("[OPTION...]")
    for action in parser.declared():
        if action.option_strings:
            continue
        name = str(action.metavar or "{" + ",".join(action.choices or ()) + "}")
        words.append(f"[{name}]" if action.nargs == "?" else name)
        if action.nargs == "+":
            words.append(f"[{name}...]")
    if entry.takes_argv:
        words.append("[-- ARGV...]")
    return " ".join(words)


def description(entry: Entry, module: CommandModule) -> str:
    """What the command does, as a sentence, and what is worth knowing."""
    text = entry.summary[0].upper() + entry.summary[1:] + "."
    notes = getattr(module, "NOTES", "")
    if entry.takes_argv:
        text += (
            "\nAll after -- is handed on byte for byte: the command itself (shell), or further\n"
            "arguments of the agent's program."
        )
    return f"{text}\n{notes}" if notes else text


def examples(module: CommandModule) -> str:
    """The end of a command's help."""
    return "examples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES)


def short_help() -> str:
    """What ``coders`` alone prints."""
    lines = [DESCRIPTION, "", "usage: coders COMMAND [OPTION...]", ""]
    group = ""
    for entry in COMMANDS.values():
        if entry.group != group:
            group = entry.group
            lines.append(f"{group}:")
        lines.append(f"  {entry.name:<11} {entry.summary}")
    return "\n".join(
        [*lines, "", START, "coders COMMAND --help shows a command's options and examples."]
    )


def full_help() -> str:
    """What ``coders --help`` prints: the same and the exit codes."""
    return "\n".join([short_help(), "", "exit codes:", exits.epilog()])


def version_line() -> str:
    """What ``coders --version`` prints."""
    return f"coders {__version__}"
