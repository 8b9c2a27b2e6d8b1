"""What is published of the model: a JSON Schema for editors, and the reference page.

``python -m coders_queue.agents.described.publish`` writes both below the current directory; a test
checks that they are current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coders_queue.agents.described.model import Description
from coders_queue.agents.described.words import PLACEHOLDERS
from coders_queue.documents.tables import tables

_HEAD = """\
# Files that describe agents

<!-- Made by `python -m coders_queue.agents.described.publish`: do not edit. -->

A file `agents/NAME.toml` in your directory of configuration (`~/.config/coders`, or
`$XDG_CONFIG_HOME/coders`), or in `/etc/coders`, describes the agent `NAME`. Every machine that runs
it needs the file. [Add an agent](../how-to/add-an-agent.md) shows how one is made and tested;
[`config/examples/agents`](../../config/examples/agents) has some that work, and
[`config/agent.schema.json`](../../config/agent.schema.json) is the JSON Schema.

An unknown key is refused with its line. A path such as `/usage/input_tokens` leads into a line of
JSON (a JSON pointer). A pattern is a regular expression of Python's without look-around and back
references, matched against one line at a time; it is refused when a search could take long, and
the more it repeats the fewer characters of a line it sees (4096 at most, 200 at least).

## Placeholders

A whole word of a command line, or what follows an option's `=`. No shell is involved.

| Word | What it stands for |
|---|---|
"""


def reference() -> str:
    """The page."""
    rows = "\n".join(f"| `{{{name}}}` | {what} |" for name, what in PLACEHOLDERS.items())
    return "\n".join([_HEAD + rows, *tables(Description)]) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Description.model_json_schema(),
        "title": "An agent of coders",
    }


def published() -> Mapping[str, str]:
    """The published files: path in the repository, and text."""
    return {
        "config/agent.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "docs/reference/agent-files.md": reference(),
    }


def main(arguments: list[str]) -> int:
    """Write the files below the given directory, or the current one."""
    root = Path(arguments[0]) if arguments else Path()
    for name, text in published().items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
