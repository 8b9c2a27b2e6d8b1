"""Where configuration files are looked for: system, user, project.

Owns the search, not the reading. Of one place, only one file may exist: with two of them nobody
could say which one counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from coders_queue import errors
from coders_queue.documents.document import FORMATS
from coders_queue.settings.paths import home

#: The system's own directory of configuration.
SYSTEM = Path("/etc/coders")


def user_directory(environ: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME/coders``, by default ``~/.config/coders``."""
    xdg = Path(environ.get("XDG_CONFIG_HOME", ""))
    parent = xdg if xdg.is_absolute() else home(environ) / ".config"
    return parent / "coders"


def in_directory(directory: Path) -> Path | None:
    """``config.yaml`` (or .yml, .json, .toml) in a directory."""
    return _only(directory / f"config{suffix}" for suffix in FORMATS)


def of_project(cwd: str | Path) -> Path | None:
    """The nearest project file at or above a directory, up to the root of the file system."""
    start = Path(os.path.abspath(cwd))  # noqa: PTH100 - resolve() would leave a symlinked project
    for level in (start, *start.parents):
        names = [level / f".coders{suffix}" for suffix in FORMATS]
        names += [level / ".coders" / f"config{suffix}" for suffix in FORMATS]
        if found := _only(names):
            return found
    return None


def _only(candidates: Iterable[Path]) -> Path | None:
    # lexists: a link to nowhere is an error to report, not a file to pass over
    found = [file for file in candidates if os.path.lexists(file)]
    if len(found) > 1:
        names = " and ".join(str(file) for file in found)
        raise errors.ConfigError(f"two configuration files in one place: {names}", "keep one")
    return found[0] if found else None
