"""The manifest of an archive: what it holds, and whether it still does.

Owns the format of ``manifest.json`` and the checks against it; how an archive comes to be is told
in :mod:`coders_workers.archive`.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import Field, ValidationError

from coders_queue import errors
from coders_queue.models.base import Model

MANIFEST = "manifest.json"

_CHUNK = 1024 * 1024


class ArchivedFile(Model):
    """One file of an archive. Sizes in bytes, checksums in hexadecimal."""

    original: str
    """Its name in the attempt's directory."""
    encoding: Literal["none", "gzip"]
    size: int = Field(ge=0)
    """As stored."""
    sha256: str
    original_size: int = Field(ge=0)
    original_sha256: str


class ArchiveManifest(Model):
    """What an archive holds."""

    version: Literal[1] = 1
    session: str
    attempt: int = Field(ge=1)
    created_at: float
    """Epoch seconds."""
    files: dict[str, ArchivedFile]
    """By the name they are stored under."""


class Counted:
    """Keeps size and checksum of the bytes written to it, and hands them on to a sink."""

    def __init__(self, sink: BinaryIO | None = None) -> None:
        self.sink = sink
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Count and hand on."""
        self.size += len(data)
        self.digest.update(data)
        return len(data) if self.sink is None else self.sink.write(data)

    def flush(self) -> None:
        """Flush the sink."""
        if self.sink is not None:
            self.sink.flush()


def read_manifest(path: Path) -> ArchiveManifest:
    """The manifest of the archive at ``path``.

    Raises NotFound when there is none, ValueError when it is damaged.
    """
    try:
        text = (path / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise errors.NotFound(f"there is no archive at {path}") from None
    return ArchiveManifest.model_validate_json(text)


def complete(path: Path) -> ArchiveManifest | None:
    """The manifest, when every file is there in its size (:func:`verify` looks into them)."""
    try:
        manifest = read_manifest(path)
        for name, file in manifest.files.items():
            if (path / name).stat().st_size != file.size:
                return None
    except (errors.NotFound, ValidationError, FileNotFoundError):
        return None
    return manifest


def verify(path: Path) -> list[str]:
    """Read the whole archive and say what is wrong with it, a line each; none when it is sound."""
    try:
        manifest = read_manifest(path)
    except errors.NotFound:
        return [f"{MANIFEST} is missing"]
    except (ValidationError, OSError) as error:
        return [f"{MANIFEST} cannot be read: {_first_line(error)}"]
    problems = [
        f"{name} is not in the manifest"
        for name in sorted(entry.name for entry in path.iterdir())
        if name != MANIFEST and name not in manifest.files
    ]
    for name, expected in sorted(manifest.files.items()):
        problems += _problems(path, name, expected)
    return problems


def _problems(path: Path, name: str, expected: ArchivedFile) -> list[str]:
    try:
        with (path / name).open("rb") as stream:
            found = _sum(stream)
            if (found.size, found.digest.hexdigest()) != (expected.size, expected.sha256):
                return [f"{name} is not what was stored ({expected.size} bytes, now {found.size})"]
            if expected.encoding == "gzip":
                stream.seek(0)
                with gzip.open(stream) as plain:
                    found = _sum(plain)
    except FileNotFoundError:
        return [f"{name} is missing"]
    except (OSError, EOFError) as error:
        return [f"{name} cannot be read: {_first_line(error)}"]
    if (found.size, found.digest.hexdigest()) != (
        expected.original_size,
        expected.original_sha256,
    ):
        return [f"{name} does not give back the original {expected.original}"]
    return []


def _sum(stream: Any) -> Counted:
    counted = Counted()
    while chunk := stream.read(_CHUNK):
        counted.write(chunk)
    return counted


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
