"""The settings in force: all sources put together, each checked by itself.

Sources, lowest to highest: defaults, system file, user file, project file, ``CODERS_*`` variables,
flags. Owns their order and what a source may set. A list is replaced as a whole; tables (an agent's
``env``) are merged variable by variable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.documents import document
from coders_queue.documents.document import Document
from coders_queue.documents.mistakes import mistakes
from coders_queue.documents.parsed import KeyPath, dotted
from coders_queue.settings import environment, files, keys, masking
from coders_queue.settings.keys import ANY
from coders_queue.settings.schema import Settings


@dataclass(frozen=True)
class Loaded:
    """The settings and where each came from."""

    settings: Settings
    origins: Mapping[str, str]
    """For each key: ``default``, ``file /path:line``, ``environment CODERS_X`` or ``flag``."""
    files: tuple[Path, ...] = ()
    """The files that were read, lowest first."""
    warnings: tuple[str, ...] = ()
    """What is not wrong but should not stay so; a line each."""
    where: Callable[[KeyPath], str] = dotted
    """The place of a key that was set, or of the nearest one around it."""


@dataclass
class _Source:
    """One source: its values and the place of each, for messages and for ``origins``."""

    values: dict[KeyPath, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    kind: str = ""
    read: Document | None = None
    """The file, when it is one."""

    def add(self, path: KeyPath, value: Any, place: str) -> None:
        self.values[path] = value
        self.places[path] = place

    def place(self, path: KeyPath) -> str:
        if self.read is not None:
            return self.read.where(path)
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return next((p for at, p in self.places.items() if at[: len(path)] == path), self.kind)


def load(
    environ: Mapping[str, str],
    cwd: str | Path,
    overrides: Mapping[str, Any] = MappingProxyType({}),
    *,
    system: Path = files.SYSTEM,
) -> Loaded:
    """Read everything. ``overrides`` are flags by dotted key; None means that it was not given.

    Raises ConfigError for anything that is wrong, with its place and the nearest right key.
    """
    user = files.user_directory(environ)
    found = [
        (files.in_directory(system), False),
        (files.in_directory(user), False),
        (files.of_project(cwd), True),
    ]
    documents = [(document.read(file), untrusted) for file, untrusted in found if file]
    sources = [_of_file(read, user if untrusted else None) for read, untrusted in documents]
    sources += [_of_environment(environ), _of_flags(overrides)]
    values: dict[KeyPath, Any] = {}
    origins: dict[str, str] = {}
    for source in sources:
        _validated(source)
        values.update(source.values)
        for path, place in source.places.items():
            origins[dotted(path)] = f"{source.kind} {place}" if source.kind != "flag" else "flag"
    settings = Settings.model_validate(_tree(values))
    return Loaded(
        settings,
        {dotted(path): origins.get(dotted(path), "default") for path, _ in leaves(settings)},
        tuple(read.file for read, _ in documents),
        tuple(line for read, _ in documents for line in _exposed(read)),
        lambda path: _where(sources, path),
    )


def load_file(file: Path) -> Loaded:
    """The settings of one file alone, whoever's it is. Raises ConfigError."""
    read = document.read(file)
    source = _of_file(read, None)
    _validated(source)
    settings = Settings.model_validate(_tree(source.values))
    return Loaded(settings, {}, (file,), (), lambda path: _where([source], path))


def _where(sources: list[_Source], path: KeyPath) -> str:
    for source in reversed(sources):
        for end in range(len(path), 0, -1):
            if path[:end] in source.values:
                return source.place(path)
    return dotted(path)


def load_current(overrides: Mapping[str, Any] = MappingProxyType({})) -> Loaded:
    """:func:`load` for this process's environment and directory."""
    try:
        cwd = Path.cwd()
    except FileNotFoundError:
        raise errors.ConfigError("the current directory is gone", "cd somewhere else") from None
    return load(os.environ, cwd, overrides)


def leaves(settings: Settings) -> Iterator[tuple[KeyPath, Any]]:
    """Each key of given settings with its value, an agent's, a limit's and a variable's too."""
    for key in keys.all_keys().values():
        if ANY not in key.path:
            value: Any = settings
            for name in key.path:
                value = getattr(value, name)
            # nothing in a table is told of, too
            yield from _cells(key.path, value) if value != {} else ((key.path, value),)
    for section in keys.named_sections():
        for name, its in sorted(getattr(settings, section).items()):
            for key in keys.members(section):
                yield from _cells((section, name, key.path[2]), getattr(its, key.path[2]))


def _cells(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        yield from (((*path, name), inner) for name, inner in sorted(value.items()))
    else:
        yield path, value


def _of_file(read: Document, user: Path | None) -> _Source:
    """``user`` is where its owner's settings belong, for a file that is not to be trusted."""
    source = _Source(kind="file", read=read)
    for path, value in _flat(read.data, (), read):
        key = keys.find(path)
        if user is not None and not (key and key.in_project):
            raise errors.ConfigError(
                f"{read.where(path)}: a project's file may not set {dotted(path)}",
                f"set it in {user / 'config.yaml'}",
            )
        source.add(path, value, read.where(path))
    return source


def _flat(tree: Mapping[str, Any], path: KeyPath, read: Document) -> Iterator[tuple[KeyPath, Any]]:
    for name, value in tree.items():
        here = (*path, name)
        if key := keys.find(here):
            if key.kind == "table" and len(here) == len(key.path):
                if value is None:
                    continue
                if not isinstance(value, dict):
                    raise errors.ConfigError(
                        f"{read.where(here)}: {dotted(here)} should hold names and values"
                    )
                yield from (((*here, inner), text) for inner, text in value.items())
            else:
                yield here, value
        elif not keys.is_section(here):
            raise _unknown(here, read.where(here))
        elif not value and len(here) == 2 and here[0] in keys.named_sections():
            _check_bare(here, read)
        elif isinstance(value, dict):
            yield from _flat(value, here, read)
        elif value is not None:  # a section whose every key is commented out is None
            names = ", ".join(keys.children(here)) or "names of your own"
            raise errors.ConfigError(
                f"{read.where(here)}: {dotted(here)} is a section, not a value",
                f"its keys: {names}",
            )


def _check_bare(here: KeyPath, read: Document) -> None:
    """A member of which nothing is said, where something has to be."""
    section, name = here
    try:
        Settings.model_validate({section: {name: {}}})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            what = f"{first['loc'][-1]} is missing"
        raise errors.ConfigError(f"{read.where(here)}: {dotted(here)}: {what}") from None


def _of_environment(environ: Mapping[str, str]) -> _Source:
    source = _Source(kind="environment")
    for variable, path, value in environment.from_environment(environ):
        if isinstance(value, dict):
            for inner, text in value.items():
                source.add((*path, inner), text, variable)
        else:
            source.add(path, value, variable)
    return source


def _of_flags(overrides: Mapping[str, Any]) -> _Source:
    source = _Source(kind="flag")
    for name, value in overrides.items():
        path = tuple(name.split("."))
        key = keys.find(path)
        if key is None:
            raise _unknown(path, "flag")
        if value is None:
            continue
        if isinstance(value, str):
            value = environment.from_text(key, value, f"flag {name}")
        if isinstance(value, Mapping):
            for inner, text in value.items():
                source.add((*path, inner), text, f"flag {name}")
        else:
            source.add(path, value, f"flag {name}")
    return source


def _unknown(path: KeyPath, where: str) -> errors.ConfigError:
    exploded = (*path[:-1], *path[-1].split("."))
    if exploded != path and (keys.find(exploded) or keys.is_section(exploded)):
        section = dotted(exploded[:-1])
        hint = f"write {exploded[-1]!r} below the section {section!r}"
    elif right := keys.nearest(path):
        hint = f"did you mean {right}?"
    else:
        names = ", ".join(keys.children(path[:-1])) or ", ".join(keys.children(()))
        hint = f"there are: {names}"
    return errors.ConfigError(f"{where}: there is no key {dotted(path)}", hint)


def _tree(values: Mapping[KeyPath, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = path
        branch = root
        for name in parents:
            branch = branch.setdefault(name, {})
        branch[last] = value
    return root


def _validated(source: _Source) -> None:
    """By itself, so that a wrong value is told even where a higher source covers it."""
    try:
        Settings.model_validate(_tree(source.values))
    except ValidationError as error:
        # the cause would print the input, which may be a secret
        raise _wrong_value(source, error) from None


def _wrong_value(source: _Source, error: ValidationError) -> errors.ConfigError:
    wrong = error.errors(include_url=False)
    first = wrong[0]
    path = tuple(str(part) for part in first["loc"] if part != "[key]")
    message = first["msg"].removeprefix("Value error, ")
    message = message.removeprefix("Input ").removeprefix("String ")
    if first["type"] == "string_type":
        message = "should be a text; put it in quotes"
    if path[0] == "rules" and first["type"] in ("extra_forbidden", "missing"):
        told = mistakes(error, _tree(source.values), Settings)[0]
        return errors.ConfigError(f"{source.place(told.path)}: {told.message}", told.hint)
    key = keys.find(path) or keys.find(path[:3]) or keys.find(path[:2])
    value = first["input"]
    shown = "" if key is None or key.secret or isinstance(value, dict) else f", not {_clip(value)}"
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return errors.ConfigError(f"{source.place(path)}: {dotted(path)} {message}{shown}{more}")


def _clip(value: Any) -> str:
    text = masking.mask_text(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _addresses(rule: Any) -> bool:
    """Whether a rule holds addresses, which are secret."""
    actions = rule.get("do") if isinstance(rule, dict) else None
    return isinstance(actions, list) and any(
        isinstance(one, dict) and ("webhook" in one or "notify" in one) for one in actions
    )


def _exposed(read: Document) -> Iterator[str]:
    if not read.others_read:
        return
    broker = read.data.get("broker")
    url = broker.get("url") if isinstance(broker, dict) else None
    agents = read.data.get("agents")
    secret = isinstance(url, str) and masking.mask_url(url) != url
    rules = read.data.get("rules")
    told = isinstance(rules, dict) and any(_addresses(rule) for rule in rules.values())
    if (
        told
        or secret
        or (isinstance(agents, dict) and any(a and a.get("env") for a in agents.values()))
    ):
        yield f"{read.file} holds secrets and any user may read it (chmod o-r {read.file})"
