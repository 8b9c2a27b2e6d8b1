"""The example configuration: every key with its meaning and its default, as YAML."""

from __future__ import annotations

import json
import textwrap
from itertools import groupby
from typing import Any

from coders_queue.documents.parsed import dotted
from coders_queue.settings import keys
from coders_queue.settings.keys import ANY, Key

_HEAD = """\
# coders: every setting, with its default. Copy what you change to one of
#
#   /etc/coders/config.yaml        for the machine
#   ~/.config/coders/config.yaml   for you
#   .coders.yaml                   for a project (only keys marked "project")
#
# JSON and TOML do as well. Made by `python -m coders_queue.settings.publish`: do not edit.
# yaml-language-server: $schema=../coders.schema.json"""

#: A section whose members the user names: what it says, a name and what is set for the example.
_NAMED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "agents": ("Agents by name; none needs to be here.", "claude", {}),
    "limits": (
        "Limits on the whole fleet, by names of your own.",
        "claude-fleet",
        {"agent": "claude", "concurrency": 5},
    ),
    "rules": (
        "Rules: on these events, under this condition, do that; by names of your own.",
        "look-into-failures",
        {
            "on": ["session.failed"],
            "when": "agent == 'claude' and not chain",
            "do": [{"spawn": {"agent": "claude", "task": "Say why {{ event.session }} failed"}}],
        },
    ),
}


def example() -> str:
    """The text of the file."""
    lines = [_HEAD]
    top = [key for key in keys.all_keys().values() if ANY not in key.path]
    for section, members in groupby(top, lambda key: key.path[:-1]):
        lines.append("")
        indent = "  " * len(section)
        if section:
            lines.append(f"{dotted(section)}:")
        for key in members:
            lines += _comment(key, indent + "# ")
            lines += _entry(key, indent)
    for section in keys.named_sections():
        meaning, name, values = _NAMED[section]
        lines += ["", f"# {meaning} For example:", "#", f"#   {section}:", f"#     {name}:"]
        for key in keys.members(section):
            lines += _comment(key, "#       # ")
            lines.append(f"#       {key.path[-1]}: {_yaml(values.get(key.path[-1], default(key)))}")
    return "\n".join(lines) + "\n"


def default(key: Key) -> Any:
    """A key's default; None too where each machine has its own (see ``computed``)."""
    return None if computed(key) else key.field.get_default(call_default_factory=True)


def computed(key: Key) -> bool:
    """Whether the default depends on the machine."""
    return key.kind == "scalar" and key.field.default_factory is not None


def _comment(key: Key, lead: str) -> list[str]:
    doc = key.doc + (" (project)" if key.in_project else "")
    return textwrap.wrap(doc, 98, initial_indent=lead, subsequent_indent=lead)


def _entry(key: Key, indent: str) -> list[str]:
    name = key.path[-1]
    if computed(key):
        return [f"{indent}# {name}: ..."]
    value = default(key)
    flat = f"{indent}{name}: {_yaml(value)}"
    if len(flat) <= 98:
        return [flat]
    return [f"{indent}{name}:", *(f"{indent}  - {_yaml(item)}" for item in value)]


def _yaml(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # every JSON value is YAML
    return json.dumps(value)
