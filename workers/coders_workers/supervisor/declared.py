"""What an agent declared as its session's result, kept in the attempt's directory until its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from coders_queue.models.base import Model
from coders_workers.supervisor import private_file

FILE = "declared.json"
_LARGEST = 2 * 1024 * 1024


class Declared(Model):
    """The agent's word."""

    result: Any = None
    """The result; None when it named none."""
    failed: str | None = None
    """Why the work has failed, one line; None when it has not."""
    at: float
    """When it said so, epoch seconds."""


def write(directory: Path, declared: Declared) -> None:
    """Keep it, over an earlier one. Raises OSError."""
    private_file.write(directory, FILE, declared.model_dump_json().encode(), sync=True)


def read(directory: Path) -> Declared | None:
    """What was declared; None when nothing was."""
    content = private_file.read(directory / FILE, _LARGEST)
    if content is None:
        return None
    try:
        return Declared.model_validate_json(content)
    except ValidationError:
        return None
