"""The configuration reference of the documentation, made from the schema."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from coders_queue.documents.parsed import KeyPath, dotted
from coders_queue.settings import environment, keys
from coders_queue.settings.example import computed, default
from coders_queue.settings.keys import ANY, Key
from coders_queue.settings.schema import Settings

_HEAD = """\
# Configuration

<!-- Made by `python -m coders_queue.settings.publish`: do not edit. -->

Settings come from these places; what stands further down counts more:

1. the defaults below;
2. the system's file, `/etc/coders/config.yaml`;
3. your file, `$XDG_CONFIG_HOME/coders/config.yaml` (by default `~/.config/coders/config.yaml`);
4. the project's file, `.coders.yaml` or `.coders/config.yaml`, the nearest one at or above the
   current directory;
5. `CODERS_*` environment variables; an empty one counts as not set;
6. flags.

A file may as well end in `.yml`, `.json` or `.toml`; two of them in one place are refused, and so
is a key that is given twice. A list replaces the one from below; an agent's `env` is merged
variable by variable. `coders config show` prints each value in force and where it came from.

In a variable, a list is comma-separated or JSON, a table is a JSON object, and `none` is no value
where a key may have none. An agent's name goes in capitals: `CODERS_AGENTS_CLAUDE_PROGRAM`.

[`config/coders.schema.json`](../../config/coders.schema.json) is the JSON Schema of a file;
[`config/examples/config.yaml`](../../config/examples/config.yaml) has every key with its default.

## What a project's file may set

A project's file comes with a cloned repository, so it is not trusted. It may set only these keys;
any other is refused, with the line named:

"""

_NAMED = {
    "agents": "One agent's command line tool. `NAME` is the agent's: `claude`, `shell`, ...",
    "rules": "One rule, of a name of your own: see [rules](rules.md) for what can be done. "
    "`on` and `do` are needed.",
    "limits": "One limit on the whole fleet, of a name of your own. A session that several count "
    "is admitted when all have room. At least one of `concurrency` and `rate` is needed.",
}

_OTHERS = """
## Other variables

These begin with `CODERS_` too and are no settings. A variable that looks like a misspelled one of
any kind is refused.

| Variable | What it is |
|---|---|
"""


def reference() -> str:
    """The text of the page."""
    every = list(keys.all_keys().values())
    lines = [_HEAD + "\n".join(f"- `{key.name}`" for key in every if key.in_project)]
    for section, members in groupby(every, lambda key: key.path[:-1]):
        title = dotted(part if part != ANY else "NAME" for part in section)
        lines += ["", f"## `{title}`" if section else "## At the top", ""]
        if doc := _doc(section):
            lines += [doc, ""]
        lines += ["| Key | Default | Variable | Meaning |", "|---|---|---|---|"]
        lines += [_row(key) for key in members]
    others = [f"| `{name}` | {what} |" for name, what in environment.RESERVED.items()]
    return "\n".join(lines) + "\n" + _OTHERS + "\n".join(others) + "\n"


def _row(key: Key) -> str:
    cells = (f"`{key.path[-1]}`", _default(key), f"`{key.variable}`", key.doc)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(key: Key) -> str:
    if computed(key):
        return "(see there)"
    if key.field.is_required():
        return "(needed)"
    value = default(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(f"`{item}`" for item in value) if _is_long(value) else f"`{json.dumps(value)}`"


def _is_long(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 4


def _doc(section: KeyPath) -> str:
    """The first docstring line of a section's model."""
    if not section:
        return ""
    name = section[0]
    if name in _NAMED:
        return _NAMED[name]
    model = Settings.model_fields[name].annotation
    return (getattr(model, "__doc__", None) or "").strip()
