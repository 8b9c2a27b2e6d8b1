"""The agents that files describe, as the registry asks for them.

Looks at a file again whenever its agent is asked for, so that a running worker has a new or changed
one at once; a file that stayed as it was is read once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.agents.described.adapter import DescribedAdapter
from coders_queue.agents.described.parse import description
from coders_queue.settings import agent_files

_Mark = tuple[int, int, int, int]


def load(file: Path) -> DescribedAdapter:
    """The agent that a file describes. Raises ConfigError with the line."""
    read = agent_files.read(file)
    told = description(read.data, read.where)
    if told.name in registry.built_in():
        raise errors.ConfigError(
            f"{read.where(('name',))}: {told.name} is a built-in agent", "choose another name"
        )
    return DescribedAdapter(told)


class DescribedAgents:
    """Those of some directories, the first of which counts most."""

    def __init__(self, places: Sequence[Path]) -> None:
        self.places = tuple(places)
        self._known: dict[Path, tuple[_Mark, DescribedAdapter]] = {}

    def names(self) -> tuple[str, ...]:
        """The agents whose files are right."""
        return tuple(name for name in agent_files.names(self.places) if self._is_right(name))

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the other files, a line each."""
        found = []
        for name in agent_files.names(self.places):
            try:
                self.find(name)
            except errors.ConfigError as error:
                found.append(str(error))
        return tuple(found)

    def find(self, name: str) -> DescribedAdapter | None:
        """The agent of that name; None when there is no file. Raises ConfigError."""
        file = agent_files.find(name, self.places)
        if file is None:
            return None
        mark = _mark(file)
        known = self._known.get(file)
        if mark is not None and known is not None and known[0] == mark:
            return known[1]
        adapter = load(file)
        if adapter.name != name:
            raise errors.ConfigError(
                f"{file}: describes {adapter.name!r}", f"call it {file.with_stem(adapter.name)}"
            )
        if mark is not None:
            self._known[file] = (mark, adapter)
        return adapter

    def looked_in(self) -> str:
        """Where the files are looked for."""
        return " and ".join(map(str, self.places))

    def _is_right(self, name: str) -> bool:
        try:
            return self.find(name) is not None
        except errors.ConfigError:
            return False


def use(environ: Mapping[str, str] | None = None) -> None:
    """Let this process's registry know them: once, where a process begins. Reads nothing yet."""
    places = agent_files.directories(os.environ if environ is None else environ)
    registry.look_in(DescribedAgents(places))


def _mark(file: Path) -> _Mark | None:
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
