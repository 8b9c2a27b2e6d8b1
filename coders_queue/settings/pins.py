"""Pinned versions of the agents' programs: the files that hold them, which one counts, writing one.

A pin file is TOML, one line an agent: ``claude = "2.1.197"``. An explicit ``AGENT@VERSION`` counts
before any of them; then the project's ``.coders.pins.toml``, found from the directory upward and
committed with the repository; the user's ``pins.toml``; the shared one that the setting
``programs.pins`` names. Which agents there are is not known here.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coders_queue import errors
from coders_queue.documents import document
from coders_queue.settings import files

#: A project's pin file.
PROJECT_FILE = ".coders.pins.toml"
#: The user's, in their directory of configuration.
USER_FILE = "pins.toml"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+_-]{0,63}\Z")
_HEAD = "# Versions of agents' programs that coders runs: see `coders agents pin --help`.\n"


@dataclass(frozen=True)
class Pin:
    """One agent's pinned version, and where that is written."""

    agent: str
    version: str
    file: Path
    where: str
    """``file:line``."""


def resolve(
    agent: str, directory: str | Path, environ: Mapping[str, str], shared: str | None
) -> Pin | None:
    """The pin that counts for an agent in a directory; None when there is none.

    Raises ConfigError for a file on the way that is wrong, with its line.
    """
    for file in _candidates(directory, environ, shared):
        found = read(file).get(agent)
        if found is not None:
            return found
    return None


def in_force(
    directory: str | Path, environ: Mapping[str, str], shared: str | None
) -> dict[str, Pin]:
    """Every agent's pin that counts in a directory."""
    found: dict[str, Pin] = {}
    for file in _candidates(directory, environ, shared):
        found = {**read(file), **found}
    return found


def read(file: Path) -> dict[str, Pin]:
    """The pins in a file. Raises ConfigError with file and line."""
    told = document.read(file)
    pins = {}
    for agent, version in told.data.items():
        where = told.where((agent,))
        if not _NAME.match(agent):
            raise errors.ConfigError(f"{where}: {agent!r} is not an agent's name")
        if not isinstance(version, str) or not _VERSION.match(version):
            raise errors.ConfigError(
                f"{where}: {agent} should be one exact version in quotes, not {version!r:.60}",
                f'write it as {agent} = "2.1.197"',
            )
        pins[agent] = Pin(agent, version, file, where)
    return pins


def write(file: Path, agent: str, version: str | None) -> bool:
    """Pin an agent in a file, or unpin it (None); False when that changed nothing.

    All other lines stay as they are. Raises ConfigError.
    """
    there = os.path.lexists(file)
    pins = read(file) if there else {}
    known = pins.get(agent)
    if (known.version if known else None) == version:
        return False
    lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True) if there else [_HEAD]
    mine = re.compile(rf"\s*(?:{re.escape(agent)}|\"{re.escape(agent)}\"|'{re.escape(agent)}')\s*=")
    said = [] if version is None else [f'{_key(agent)} = "{version}"\n']
    if known is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines += said
    else:
        at = next(number for number, line in enumerate(lines) if mine.match(line))
        lines[at : at + 1] = said
    _replace(file, "".join(lines))
    return True


def project_file(directory: str | Path) -> Path | None:
    """The nearest project's pin file at or above a directory."""
    start = Path(os.path.abspath(directory))  # noqa: PTH100 - a symlinked project stays where it is
    for level in (start, *start.parents):
        if os.path.lexists(level / PROJECT_FILE):
            return level / PROJECT_FILE
    return None


def user_file(environ: Mapping[str, str]) -> Path:
    """The user's pin file, which may not exist."""
    return files.user_directory(environ) / USER_FILE


def _candidates(
    directory: str | Path, environ: Mapping[str, str], shared: str | None
) -> list[Path]:
    """The pin files there are, the one that counts most first."""
    found = [project_file(directory), user_file(environ)]
    there = [file for file in found if file is not None and os.path.lexists(file)]
    if shared is not None:
        # named by the configuration: one that is missing is told, not passed over
        there.append(Path(shared))
    return there


def _key(agent: str) -> str:
    return f'"{agent}"' if "." in agent else agent


def _replace(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # through a link to the file itself, so that a link stays one
        target = file.resolve()
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise errors.ConfigError(
            f"{file}: cannot be written: {(error.strerror or str(error)).lower()}"
        ) from None
