"""The reference pages of the documentation, made from the grammar and the exit codes.

``python -m coders_queue.cli.reference [ROOT]`` writes them; a test checks that they are current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from coders_queue.cli import exits, grammar
from coders_queue.cli.catalog import COMMANDS, Entry

_MADE = "<!-- Made by `python -m coders_queue.cli.reference`: do not edit. -->"

_CLI_HEAD = f"""\
# The command line

{_MADE}

`coders run` and `coders spawn` start what they need: the broker, the worker and beat of this
machine. Other commands that need the worker say so when there is none, unless it died without
having been stopped: then they start it again. `status`, `doctor`, `config`, `completion` and
`version` start nothing.

A session is named by its name, its id, or an unambiguous start of its id.

Standard output carries results: with `run`, what the agent prints. All that `coders` itself has to
say is on standard error: one line for an error, `coders: error: ...`, and one with the way out,
`  try: ...`. With `--json` an error is on standard output as well, as
`{{"error": {{"kind", "message", "hint", "exit_code"}}}}`. See [exit codes](exit-codes.md).

Colours are left out when the output is not a terminal, when `NO_COLOR` is set, and when `TERM` is
`dumb`. A table fits the terminal's width, or `COLUMNS`; into a pipe nothing is cut.
"""

_EXITS_HEAD = f"""\
# Exit codes

{_MADE}

| Code | Meaning |
|---:|---|
"""


def published() -> dict[str, str]:
    """The pages: path in the repository, and text."""
    return {"docs/reference/cli.md": cli(), "docs/reference/exit-codes.md": exit_codes()}


def cli() -> str:
    """The page of all commands."""
    parts = [_CLI_HEAD]
    for entry in COMMANDS.values():
        if entry.children:
            parts.append("\n".join(_group(entry)))
        for one in entry.children or (entry,):
            parts.append("\n".join(_command(one)))
    return "\n".join(parts)


def exit_codes() -> str:
    """The page of exit codes."""
    rows = [f"| {code} | {_cell(meaning)} |\n" for code, meaning in exits.MEANINGS]
    return _EXITS_HEAD + "".join(rows)


def _group(entry: Entry) -> Iterator[str]:
    yield from (f"## coders {entry.name}", "", grammar.description(entry), "")
    yield from ("```", grammar.group_usage(entry), "```", "")


def _command(entry: Entry) -> Iterator[str]:
    module = entry.load()
    parser = grammar.of_command(entry, module)
    mark = "###" if " " in entry.name else "##"
    yield from (f"{mark} coders {entry.name}", "", grammar.description(entry, module), "")
    yield from ("```", grammar.usage(entry, parser), "```", "")
    rows = [_row(action) for action in parser.declared() if action.dest != "help"]
    if rows:
        yield from ("| Argument | Meaning |", "|---|---|", *rows, "")
    yield from ("```sh", *module.EXAMPLES, "```", "")


def _row(action: argparse.Action) -> str:
    value = str(action.metavar or "")
    if action.choices:
        value = "{" + ",".join(str(choice) for choice in action.choices) + "}"
    if action.nargs == 0:
        value = ""
    spelled = ", ".join(action.option_strings)
    return f"| `{_cell(f'{spelled} {value}'.strip())}` | {_cell(action.help or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the pages below the given directory, or the current one."""
    root = Path(arguments[0]) if arguments else Path()
    for name, text in published().items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
