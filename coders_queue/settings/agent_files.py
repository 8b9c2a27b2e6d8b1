"""Files that describe agents: ``agents/NAME.toml`` beside the configuration of user and system.

Owns where they are and their reading; what is in them is :mod:`coders_queue.agents.described`'s. A
project has none: such a file names a program to run, and a project comes from strangers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from coders_queue import errors
from coders_queue.documents import document
from coders_queue.documents.document import Document
from coders_queue.settings import files

#: Below a directory of configuration.
DIRECTORY = "agents"

_SUFFIX = ".toml"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def directories(environ: Mapping[str, str], system: Path = files.SYSTEM) -> tuple[Path, ...]:
    """Where they are looked for, the first counting most: the user's, the system's."""
    return (files.user_directory(environ) / DIRECTORY, system / DIRECTORY)


def find(name: str, places: Sequence[Path]) -> Path | None:
    """The file that describes the agent of that name."""
    if _NAME.fullmatch(name) is None:
        return None
    for place in places:
        file = place / f"{name}{_SUFFIX}"
        # a link to nowhere is an error to report, not a file to pass over
        if file.is_symlink() or file.exists():
            return file
    return None


def names(places: Sequence[Path]) -> tuple[str, ...]:
    """The agents that files there describe, sorted."""
    found = set()
    for place in places:
        try:
            found |= {file.stem for file in place.iterdir() if file.suffix == _SUFFIX}
        except OSError:
            continue
    return tuple(sorted(name for name in found if _NAME.fullmatch(name)))


def read(file: Path) -> Document:
    """One of them. Raises ConfigError."""
    if file.suffix != _SUFFIX:
        raise errors.ConfigError(f"{file}: a file that describes an agent ends in {_SUFFIX}")
    return document.read(file)
