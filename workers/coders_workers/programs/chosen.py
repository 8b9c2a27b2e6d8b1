"""Which program an attempt was started with, kept in its directory for those who read its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from coders_workers.programs.locate import Program

FILE = "program.json"


def remember(directory: Path, program: Program) -> None:
    """Write it down in the attempt's directory."""
    told = json.dumps({"path": program.path, "version": program.version})
    file = directory / FILE
    temporary = file.with_name(f"{FILE}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(told)
    temporary.replace(file)


def recall(directory: Path) -> Program | None:
    """What was written; None when nothing was."""
    try:
        told = json.loads((directory / FILE).read_bytes())
    except (OSError, ValueError):
        return None
    version = told.get("version")
    return Program(str(told.get("path")), version if isinstance(version, str) else None)


def users(attempts: Iterable[Path], directory: Path) -> int:
    """How many attempts were started with a program that lies in a directory."""
    inside = f"{directory}/"
    programs = (recall(attempt) for attempt in attempts)
    return sum(one is not None and one.path.startswith(inside) for one in programs)
