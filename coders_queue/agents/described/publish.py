"""What is published of the model: a JSON Schema for editors, and the reference page.

``python -m coders_queue.agents.described.publish`` writes both below the current directory; a test
checks that they are current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from coders_queue.agents.described.model import Description
from coders_queue.agents.described.words import PLACEHOLDERS

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
    lines = [_HEAD + "\n".join(f"| `{{{name}}}` | {what} |" for name, what in PLACEHOLDERS.items())]
    for place, model in _tables(Description, "", set()):
        title = f"`{place}`" if place else "At the top"
        doc = " ".join((model.__doc__ or "").split())
        lines += ["", f"## {title}", "", doc, "", "| Key | Default | Meaning |", "|---|---|---|"]
        lines += [_row(name, field) for name, field in model.model_fields.items()]
    return "\n".join(lines) + "\n"


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


def _tables(
    model: type[BaseModel], place: str, seen: set[type[BaseModel]]
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each model once, where it stands first."""
    seen.add(model)
    yield place, model
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            if inner not in seen:
                yield from _tables(inner, f"{place}.{name}" if place else name, seen)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _row(name: str, field: Any) -> str:
    meaning = " ".join((field.description or "").replace("``", "`").split())
    return f"| `{name}` | {_default(field)} | {meaning.replace('|', chr(92) + '|')} |"


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None or isinstance(value, BaseModel) or value in ((), {}):
        return ""
    return f"`{json.dumps(value)}`"


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
