"""The names of the settings: dotted keys, environment variables, and the nearest right one.

Owns the walk over the schema. ``agents.*.program`` stands for that key of any agent, as does
``limits.*.rate`` for that of any limit.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from coders_queue.documents.parsed import KeyPath, dotted
from coders_queue.models.base import Model
from coders_queue.settings.schema import Settings

Kind = Literal["scalar", "list", "table"]

#: Stands for a name that the user chooses: an agent's, a limit's.
ANY = "*"

#: What a project's own file may set. Such a file comes with a cloned repository, so it is not to be
#: trusted: nothing is here that names a program or its arguments, says where data or logs go, whose
#: work it is, which variables an agent gets, or how this machine is run. A new key is refused until
#: somebody puts it here.
PROJECT_KEYS = frozenset(
    {
        "session.grace",
        "session.output_limit",
        "session.spawn_timeout",
        "session.timeout",
        "workspace.branch_prefix",
        "workspace.keep",
    }
)


@dataclass(frozen=True)
class Key:
    """One setting."""

    path: KeyPath
    field: FieldInfo
    kind: Kind
    optional: bool
    """Whether None is a value of it."""

    @property
    def name(self) -> str:
        """Dotted."""
        return dotted(self.path)

    @property
    def variable(self) -> str:
        """Its environment variable, with ``<NAME>`` for a name that the user chooses."""
        return "CODERS_" + "_".join("<NAME>" if p == ANY else p.upper() for p in self.path)

    @property
    def doc(self) -> str:
        """What it means, in one line."""
        return " ".join((self.field.description or "").split())

    @property
    def in_project(self) -> bool:
        """Whether a project's file may set it."""
        return self.name in PROJECT_KEYS

    @property
    def secret(self) -> bool:
        """Whether its values must not be shown as they are."""
        return self.name in ("broker.url", "agents.*.env", "rules.*.do")


def _bare(annotation: Any) -> tuple[Any, bool]:
    """The type without ``| None``, and whether that was there."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return rest[0], len(rest) < len(get_args(annotation))
    return annotation, False


def _walk(model: type[Model], path: KeyPath) -> Iterable[Key]:
    for name, field in model.model_fields.items():
        here = (*path, name)
        bare, optional = _bare(field.annotation)
        if isinstance(bare, type) and issubclass(bare, Model):
            yield from _walk(bare, here)
        elif (
            get_origin(bare) is dict
            and isinstance(inner := get_args(bare)[1], type)
            and (issubclass(inner, Model))
        ):
            yield from _walk(inner, (*here, ANY))
        else:
            kinds: dict[Any, Kind] = {dict: "table", tuple: "list"}
            yield Key(here, field, kinds.get(get_origin(bare), "scalar"), optional)


@cache
def all_keys() -> Mapping[KeyPath, Key]:
    """Every setting by its path, in the schema's order."""
    return {key.path: key for key in _walk(Settings, ())}


@cache
def _sections() -> frozenset[KeyPath]:
    return frozenset(path[:end] for path in all_keys() for end in range(len(path)))


@cache
def named_sections() -> tuple[str, ...]:
    """The sections whose members the user names."""
    return tuple(dict.fromkeys(path[0] for path in all_keys() if path[1:2] == (ANY,)))


def members(section: str) -> list[Key]:
    """The keys of each member of such a section."""
    return [key for path, key in all_keys().items() if path[:2] == (section, ANY)]


def _general(path: KeyPath) -> KeyPath:
    return (path[0], ANY, *path[2:]) if len(path) > 1 and path[0] in named_sections() else path


def find(path: KeyPath) -> Key | None:
    """The setting that a path means; a variable in an agent's ``env`` belongs to that table."""
    general = _general(path)
    known = all_keys()
    if key := known.get(general):
        return key
    parent = known.get(general[:-1])
    return parent if parent is not None and parent.kind == "table" else None


def is_section(path: KeyPath) -> bool:
    """Whether settings lie below it."""
    return _general(path) in _sections()


def children(path: KeyPath) -> list[str]:
    """The names right below a section."""
    general = _general(path)
    depth = len(general)
    names = {p[depth]: None for p in all_keys() if p[:depth] == general and len(p) > depth}
    return [name for name in names if name != ANY]


def nearest(path: KeyPath) -> str | None:
    """The right key that an unknown one most likely means, dotted."""
    *parent, last = path
    siblings = children(tuple(parent))
    folded = last.lower().replace("-", "_")
    if close := difflib.get_close_matches(folded, siblings, n=1, cutoff=0.6):
        return dotted((*parent, close[0]))
    # right name, wrong section; then anything that is spelled alike
    names = [key.name for key in all_keys().values() if ANY not in key.path]
    for name in names:
        if name.rpartition(".")[2] == folded:
            return name
    close = difflib.get_close_matches(dotted(path).lower(), names, n=1, cutoff=0.7)
    return close[0] if close else None
