"""Which version a program is, told without running it.

A program from npm lies in its package, whose ``package.json`` says it; starting one only to ask
takes up to two seconds of a processor.
"""

from __future__ import annotations

import json
from pathlib import Path

_LOOK_UP = 6
_LIMIT = 1024 * 1024


def of_package(program: Path, package: str) -> str | None:
    """The version of the npm package that the program is part of; None when it is part of none."""
    try:
        place = program.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    for directory in list(place.parents)[:_LOOK_UP]:
        try:
            with (directory / "package.json").open("rb") as file:
                said = json.loads(file.read(_LIMIT))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(said, dict) and said.get("name") == package:
            version = said.get("version")
            return version if isinstance(version, str) else None
    return None
