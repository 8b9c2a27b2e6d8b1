"""The parsers: one command's, all of them, and the words around ``--``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from coders_queue import __version__
from coders_queue.cli import exits
from coders_queue.cli.catalog import COMMANDS, CommandModule, Entry
from coders_queue.cli.parser import Parser, unknown_word

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


def child(entry: Entry, words: Sequence[str]) -> tuple[Entry, Sequence[str]]:
    """The command below a word that is meant, and the words left for it. Raises UsageError."""
    if not words or words[0].startswith("-"):
        return entry.children[0], words
    known = {one.name.partition(" ")[2]: one for one in entry.children}
    if words[0] not in known:
        raise unknown_word(
            f"command of {entry.name}", words[0], known, f"one of: {', '.join(known)}"
        )
    return known[words[0]], words[1:]


def group_usage(entry: Entry) -> str:
    """The one line above the help of a word with commands below it."""
    names = " | ".join(one.name.partition(" ")[2] for one in entry.children)
    return f"coders {entry.name} [{names}] [OPTION...]"


def group_help(entry: Entry) -> str:
    """What ``coders agents --help`` prints."""
    lines = [f"usage: {group_usage(entry)}", "", _sentence(entry), ""]
    lines += [f"  {one.name:<16} {one.summary}" for one in entry.children]
    first = entry.children[0].name
    told = [f"  {one.load().EXAMPLES[0]}" for one in entry.children]
    return "\n".join(
        [*lines, "", f"coders {entry.name} alone is coders {first}.", "", "examples:", *told]
    )


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
    _add(commands, COMMANDS.values(), words)
    return parser


def _add(commands: Any, entries: Iterable[Entry], words: Sequence[str]) -> None:
    for entry in entries:
        name = entry.name.rpartition(" ")[2]
        parser = commands.add_parser(name, help=entry.summary)
        if name not in words:
            continue
        if entry.children:
            _add(parser.add_subparsers(metavar="COMMAND"), entry.children, words)
        elif not entry.verbatim:
            entry.load().arguments(parser)


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


def description(entry: Entry, module: CommandModule | None = None) -> str:
    """What the command does, as a sentence, and what is worth knowing."""
    text = _sentence(entry)
    notes = getattr(module, "NOTES", "")
    if entry.takes_argv:
        text += (
            "\nAll after -- is handed on byte for byte: the command itself (shell), or further\n"
            "arguments of the agent's program."
        )
    return f"{text}\n{notes}" if notes else text


def _sentence(entry: Entry) -> str:
    return entry.summary[0].upper() + entry.summary[1:] + "."


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
