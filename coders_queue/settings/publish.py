"""What the project publishes of its settings: JSON Schema, reference, example; and ``config show``.

``python -m coders_queue.settings.publish`` writes the three files below the current directory; a
test checks that they are current. All of it is made from the schema, so that it cannot differ.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coders_queue.documents.parsed import KeyPath, dotted
from coders_queue.settings import keys, masking
from coders_queue.settings.example import example
from coders_queue.settings.load import Loaded, leaves
from coders_queue.settings.reference import reference
from coders_queue.settings.schema import Settings


@dataclass(frozen=True)
class Row:
    """A setting as it is shown."""

    key: str
    value: str
    """As JSON; secrets hidden."""
    origin: str


def explain(loaded: Loaded) -> list[Row]:
    """Each setting in force, with where it came from."""
    rows = []
    for path, value in leaves(loaded.settings):
        name = dotted(path)
        rows.append(Row(name, shown(path, value), loaded.origins.get(name, "default")))
    return rows


def shown(path: KeyPath, value: Any) -> str:
    """A value for people and programs to see."""
    key = keys.find(path)
    if value is not None and key is not None and key.secret:
        value = masking.mask_url(value) if path == ("broker", "url") else masking.HIDDEN
    return json.dumps(value, ensure_ascii=False)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file. The same on every machine."""
    schema = Settings.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of coders",
    }


def published() -> Mapping[str, str]:
    """The published files: path in the repository, and text."""
    return {
        "config/coders.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "config/examples/config.yaml": example(),
        "docs/reference/configuration.md": reference(),
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
