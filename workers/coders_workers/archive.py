"""The archive of an attempt: its recording and record, stored whole or not at all.

An archive is a directory ``<root>/<first two of the id>/<id>/<attempt>/`` with a ``manifest.json``
that names every file with its sizes and checksums. It is built beside its place and put there by
one rename. Only the files named here are taken: what is private to an attempt (launch file,
standard input, prompts, seeded files) is never among them. Knows nothing of search or retention.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

from coders_queue import errors
from coders_queue.clock import Clock, system_clock
from coders_workers import attempt_dir, dirlock
from coders_workers.archive_manifest import (
    MANIFEST,
    ArchivedFile,
    ArchiveManifest,
    Counted,
    complete,
    read_manifest,
    verify,
)

__all__ = [
    "ArchiveManifest",
    "ArchivedFile",
    "archive_attempt",
    "discard",
    "location",
    "read_manifest",
    "verify",
    "without_secrets",
]

RECORD = "record.json"
#: What is taken of an attempt's directory, where it exists.
TAKEN = (attempt_dir.OUTPUT, attempt_dir.TIMING, attempt_dir.EXIT, attempt_dir.STARTED)
#: What stands in a stored record for the value of an environment variable.
HIDDEN = "***"

#: Output up to this size is stored as it is, bytes.
_SMALL = 4096
_CHUNK = 1024 * 1024
_BUILDING = ".building-"
_DAMAGED = ".damaged-"
#: The longest another archiver of the same session is waited for, seconds.
_PATIENCE = 600.0


def location(archive_root: Path, session_id: str, attempt: int) -> Path:
    """Where the attempt's archive lies, whether or not it exists."""
    return attempt_dir.path(archive_root / session_id[:2], session_id, attempt)


def archive_attempt(
    attempt_directory: Path,
    archive_root: Path,
    session_id: str,
    attempt: int,
    record: dict[str, Any],
    *,
    clock: Clock = system_clock,
) -> ArchiveManifest:
    """Store the attempt; when its archive is there already, say what that holds.

    ``record`` is the session's as a JSON object; values of environment variables in it are hidden
    and the Celery request left out. Raises NotFound when there is neither attempt nor archive,
    SetupError when it cannot be written (the disk is full, say); nothing of it is left then.
    """
    place = location(archive_root, session_id, attempt)
    try:
        with dirlock.hold(place.parent, _PATIENCE, make=True) as alone:
            try:
                found = complete(place)
                if found is not None:
                    return found
                if alone:  # whatever was being built, its builder is dead
                    for leftover in place.parent.glob(_BUILDING + "*"):
                        shutil.rmtree(leftover)
                if not attempt_directory.is_dir():
                    raise errors.NotFound(
                        f"there is nothing to archive: {attempt_directory} does not exist",
                        "the attempt ran on another host, or its directory was removed by hand",
                    )
                return _build(attempt_directory, place, session_id, attempt, record, clock())
            finally:
                # after a failure no empty directories are left; after a success this does nothing
                with contextlib.suppress(OSError):
                    place.parent.rmdir()
                    place.parent.parent.rmdir()
    except OSError as error:
        raise errors.SetupError(
            f"cannot archive attempt {attempt} of session {session_id} in {archive_root}: "
            f"{error.strerror or error}",
            "free space or fix its permissions there; the recording stays and is archived then",
        ) from error


def discard(attempt_directory: Path) -> None:
    """Remove the attempt's directory, once its archive is complete; gone already is fine."""
    attempt_dir.remove(attempt_directory)


def without_secrets(record: dict[str, Any]) -> dict[str, Any]:
    """The record with every environment's values hidden and Celery's messages left out."""
    kept: dict[str, Any] = _hide(record)
    for message in ("request", "publish"):
        if message in kept:
            kept[message] = None  # its arguments may carry the spec again, as text, too
    return kept


def _hide(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: dict.fromkeys(item, HIDDEN)
            if key in ("env", "environ") and isinstance(item, dict)
            else _hide(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hide(item) for item in value]
    return value


def _build(
    source: Path, place: Path, session_id: str, attempt: int, record: dict[str, Any], now: float
) -> ArchiveManifest:
    building = Path(tempfile.mkdtemp(prefix=f"{_BUILDING}{attempt}-", dir=place.parent))
    try:
        files: dict[str, ArchivedFile] = {}
        for name in TAKEN:
            with _readable(source / name) as stream:
                if stream is not None:
                    stored, file = _store(stream, building, name)
                    files[stored] = file
        text = json.dumps(without_secrets(record), indent=1, sort_keys=True).encode("ascii") + b"\n"
        files[RECORD] = _plain(RECORD, text)
        _write(building / RECORD, text)
        manifest = ArchiveManifest(session=session_id, attempt=attempt, created_at=now, files=files)
        _write(building / MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")
        _sync(building)
        if not _put(building, place):
            return read_manifest(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    for directory in (place.parent, place.parent.parent, place.parent.parent.parent):
        _sync(directory)
    return manifest


def _put(building: Path, place: Path) -> bool:
    """Rename into place; False when, where no lock held it off, another archiver was first."""
    damaged = building.with_name(f"{_DAMAGED}{building.name.removeprefix(_BUILDING)}")
    if place.exists() and complete(place) is None:
        # kept aside, not removed: it may hold what the attempt's directory no longer has
        place.rename(damaged)
    try:
        building.rename(place)
    except OSError:
        if complete(place) is None:
            raise
        return False
    return True


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[BinaryIO | None]:
    # the agent can write here, too: neither follow a link elsewhere nor wait on a FIFO
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a file")
        yield stream


def _store(source: BinaryIO, building: Path, name: str) -> tuple[str, ArchivedFile]:
    large = os.fstat(source.fileno()).st_size > _SMALL
    encoding: Literal["none", "gzip"] = "gzip" if large and name == attempt_dir.OUTPUT else "none"
    stored_name = f"{name}.gz" if encoding == "gzip" else name
    original = Counted()
    with _created(building / stored_name) as sink:
        stored = Counted(sink)
        with contextlib.ExitStack() as stack:
            out: Any = stored
            if encoding == "gzip":
                # no name and no time in its header: the same output gives the same bytes
                out = stack.enter_context(
                    gzip.GzipFile("", "wb", compresslevel=1, fileobj=stored, mtime=0)
                )
            while chunk := source.read(_CHUNK):
                original.write(chunk)
                out.write(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    return stored_name, ArchivedFile(
        original=name,
        encoding=encoding,
        size=stored.size,
        sha256=stored.digest.hexdigest(),
        original_size=original.size,
        original_sha256=original.digest.hexdigest(),
    )


def _plain(name: str, data: bytes) -> ArchivedFile:
    counted = Counted()
    counted.write(data)
    digest = counted.digest.hexdigest()
    return ArchivedFile(
        original=name,
        encoding="none",
        size=len(data),
        sha256=digest,
        original_size=len(data),
        original_sha256=digest,
    )


def _created(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _write(path: Path, data: bytes) -> None:
    with _created(path) as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
