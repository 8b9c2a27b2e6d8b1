"""Finding the program that a session is to run, at the version it wants."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from coders_queue import errors
from coders_queue.agents.adapter import Adapter
from coders_workers.programs import version as versions


@dataclass(frozen=True)
class Program:
    """An executable that is there."""

    path: str
    version: str | None
    """None when it cannot be told without running it."""


def locate(
    adapter: Adapter, configured: str | None, wanted: str | None, path: str, cwd: Path
) -> Program | None:
    """The tool's own program; None for a tool whose program the request names.

    ``configured`` is the configuration's word, ``wanted`` the exact version asked for. Raises
    MissingBinary.
    """
    name = configured or adapter.program
    if name is None:
        if wanted is not None:
            raise errors.MissingBinary(f"{adapter.name} has no versions", f"leave @{wanted} out")
        return None
    found = find_program(name, path, cwd, adapter.name)
    version = versions.of_package(Path(found), adapter.package.name) if adapter.package else None
    if wanted is not None and version != wanted:
        raise errors.MissingBinary(
            f"{adapter.name} {wanted} is not installed here: {found} is {version or 'unknown'}",
            f"coders agents install {adapter.name}@{wanted}",
        )
    return Program(path=found, version=version)


def find_program(program: str, path: str, cwd: Path, agent: str) -> str:
    """The executable's path. Raises MissingBinary saying where it was looked for."""
    if "/" in program:
        full = program if program.startswith("/") else str(cwd / program)
        if not Path(full).exists():
            raise errors.MissingBinary(f"{agent}: there is no program {full}", "check the path")
        if Path(full).is_dir() or not os.access(full, os.X_OK):
            raise errors.MissingBinary(
                f"{agent}: {full} is not an executable file", "check the path, or chmod +x it"
            )
        return full
    found = shutil.which(program, path=path)
    if found is None:
        raise errors.MissingBinary(
            f"{agent}: no program {program!r} on PATH ({path})",
            f"install it, or give its path: agents.{agent}.program in the configuration",
        )
    return found if found.startswith("/") else str(cwd / found)
