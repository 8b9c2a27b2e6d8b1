"""What is published of flow files: a JSON Schema for editors, and the reference page.

``python -m coders_queue.flows.publish`` writes both below the current directory; a test checks that
they are current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coders_queue.documents.tables import tables
from coders_queue.flows.language import FILTER_NAMES, TEST_NAMES
from coders_queue.flows.model import Flow

_HEAD = """\
# Flow files

<!-- Made by `python -m coders_queue.flows.publish`: do not edit. -->

A flow is a graph of sessions in a file of YAML, JSON or TOML, of at most 1 MiB. [Write a
flow](../how-to/write-a-flow.md) shows how one is made, [How a flow runs](../explanation/flows.md)
what becomes of it; [`config/flow.schema.json`](../../config/flow.schema.json) is the JSON Schema,
[`config/examples/flows`](../../config/examples/flows) has some. An unknown key is refused with its
line, and so is everything else that can be known to be wrong before anything starts.

## Templates and conditions

Texts in the fields of a step may hold templates of [Jinja](https://jinja.palletsprojects.com):
`{{ ... }}` and `{% if %}`, `{% for %}`, `{% raw %}`. Where a text is one `{{ ... }}` and nothing
else, its value stays what it is: a list, a number; within other text a value that is no text is
written as JSON. The conditions `when` and `go_back.when` are expressions, without braces. Nothing
can be called or assigned in either, nothing but the values named here can be reached, and what an
agent said is never read as a template.

| Name | What it is | Where |
|---|---|---|
"""

_RUN = "the fields of a step"
_ANY = "everywhere but in `each.glob`"

#: The names in templates: what each is, and where there is one.
_NAMES = (
    ("parameters.NAME", "a parameter's value", "everywhere"),
    (
        "steps.NAME.result",
        "the step's result: a text, or data that is valid under its `schema`; of a merge, its "
        "[result](merging.md)",
        _ANY,
    ),
    ("steps.NAME.output", "the end of what it printed", _ANY),
    ("steps.NAME.state", "`succeeded`, `failed`, `skipped` or `cancelled`", _ANY),
    (
        "steps.NAME.outcome",
        "the whole [outcome](session-object.md): `exit_code`, `workspace`, `conversation_id`, ...",
        _ANY,
    ),
    ("item`, `index", "of a step with `each`: the item, and its number from 0", "its session"),
    ("round", "which round of its loop it is, from 1", _RUN),
    (
        "previous.NAME",
        "a step of the same loop as it ended in the round before; in the first round nothing, so "
        "that `{% if previous.NAME %}` tells",
        _RUN,
    ),
    ("result`, `output`, `state`, `outcome", "those of the step itself", "`go_back.when`"),
)

_MORE = """
Of a step with `each`, `result`, `output` and `outcome` are lists in the order of its items, with
nothing where there is none; `steps.NAME` itself is a list of its runs, each with `item`, `index`,
`state`, `result`, `output` and `outcome`.

A step that is referred to is needed, without being named in `needs`; but a condition that asks for
`state` or `outcome` is asked when that step has ended, however it ended.

"""


def reference() -> str:
    """The page."""
    filters = ", ".join(f"`{name}`" for name in FILTER_NAMES)
    tests = ", ".join(f"`{name}`" for name in TEST_NAMES if name[0].isalpha())
    names = "".join(f"| `{name}` | {what} | {where} |\n" for name, what, where in _NAMES)
    kinds = [f"Filters: {filters}.", "", f"Tests (`x is ...`): {tests}."]
    return _HEAD + names + _MORE + "\n".join([*kinds, *tables(Flow)]) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Flow.model_json_schema(),
        "title": "A flow of coders",
    }


def published() -> Mapping[str, str]:
    """The published files: path in the repository, and text."""
    return {
        "config/flow.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "docs/reference/flow-files.md": reference(),
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
