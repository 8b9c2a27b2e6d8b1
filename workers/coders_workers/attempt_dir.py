"""The private directory of an attempt: ``<sessions root>/<session id>/<attempt>/``.

Owns where it lies, how it is made, listed and removed. The names of its files, and what they say,
are spelled in :mod:`coders_workers.attempt.files`, which the launcher can afford to import; they
are handed on here.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from coders_queue import errors, ids
from coders_workers.attempt.files import (
    CLAIM,
    EXIT,
    LAUNCH,
    LIFE,
    LOCK,
    OUTPUT,
    STARTED,
    STDIN,
    STOP,
    TIMING,
)

__all__ = [
    "CLAIM",
    "EXIT",
    "LAUNCH",
    "LIFE",
    "LOCK",
    "NAMES",
    "OUTPUT",
    "STARTED",
    "STDIN",
    "STOP",
    "TIMING",
    "Entry",
    "all",
    "create",
    "finish_removals",
    "path",
    "remove",
    "remove_session",
    "session_path",
]

#: Every file that the launcher and the host share; what each says is told where it is spelled.
NAMES = frozenset({LAUNCH, CLAIM, LOCK, LIFE, STARTED, STOP, EXIT, OUTPUT, TIMING, STDIN})

#: Put before and after the number of an attempt that is being removed.
_DOOMED = ".{}.gone"


class Entry(NamedTuple):
    """An attempt that has a directory."""

    session_id: str
    attempt: int
    path: Path


def session_path(root: Path, session_id: str) -> Path:
    """Where a session's attempts, and what they share, lie.

    Raises UsageError for an id that cannot be a directory's name.
    """
    if not ids.is_name(session_id):
        raise errors.UsageError(
            f"{session_id!r} cannot be a session's id on a host",
            "use a letter or digit, then up to 62 of A-Z a-z 0-9 . _ -",
        )
    return root / session_id


def path(root: Path, session_id: str, attempt: int) -> Path:
    """Where an attempt's directory lies, whether or not it exists."""
    if attempt < 1:
        raise errors.UsageError(f"attempts count from 1, this is {attempt}")
    return session_path(root, session_id) / str(attempt)


def create(root: Path, session_id: str, attempt: int) -> Path:
    """Make the attempt's directory, 0700, with the directories above it; once made, find it."""
    found = path(root, session_id, attempt)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        try:
            for directory in (found.parent, found):
                with contextlib.suppress(FileExistsError):
                    directory.mkdir(mode=0o700)
                _own(directory)
        except FileNotFoundError:
            # the session's directory went with its last attempt, just now
            if not root.is_dir():
                raise
        else:
            return found


def all(root: Path) -> Iterator[Entry]:
    """Every attempt that has a directory, by session, then attempt."""
    for session_id in sorted(_listdir(root)):
        if not ids.is_name(session_id):
            continue
        numbers = (
            int(name)
            for name in _listdir(root / session_id)
            if name.isascii() and name.isdigit() and not name.startswith("0")
        )
        for attempt in sorted(numbers):
            found = root / session_id / str(attempt)
            if found.is_dir() and not found.is_symlink():
                yield Entry(session_id, attempt, found)


def remove(directory: Path) -> None:
    """Remove an attempt's directory, and its session's once that is empty. Gone already is fine.

    It leaves its place in one step, so that a crash leaves no attempt with half its files.
    """
    doomed = directory.with_name(_DOOMED.format(directory.name))
    _remove_tree(doomed)  # of a removal that a crash cut short
    try:
        directory.rename(doomed)
    except FileNotFoundError:
        pass
    except OSError:
        # another remover is at work on the same name; what is left of this one goes in place
        _remove_tree(directory)
    _remove_tree(doomed)
    with contextlib.suppress(OSError):
        directory.parent.rmdir()


def finish_removals(root: Path) -> None:
    """Remove what removals that a crash cut short have left. For a process's start."""
    prefix, suffix = _DOOMED.split("{}")
    for session_id in _listdir(root):
        doomed = [
            name
            for name in _listdir(root / session_id)
            if name.startswith(prefix) and name.endswith(suffix)
        ]
        for name in doomed:
            _remove_tree(root / session_id / name)
        if doomed:
            with contextlib.suppress(OSError):
                (root / session_id).rmdir()


def remove_session(root: Path, session_id: str) -> None:
    """Remove everything of a session: its attempts and what they share."""
    directory = session_path(root, session_id)
    for name in _listdir(directory):
        if name.isascii() and name.isdigit():
            remove(directory / name)
    _remove_tree(directory)


def _own(directory: Path) -> None:
    mode = directory.lstat().st_mode
    if not stat.S_ISDIR(mode):
        raise errors.SetupError(
            f"{directory} is in the way of a session's directory", "move it elsewhere"
        )
    if stat.S_IMODE(mode) != 0o700:
        directory.chmod(0o700)


def _listdir(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove_tree(directory: Path) -> None:
    # a second remover may take files away underneath: start over until there is nothing
    while True:
        try:
            shutil.rmtree(directory)
        except FileNotFoundError:
            if not directory.is_dir():
                return
        except OSError as error:
            # without a number it is rmtree's word for a directory that became another one under
            # its eyes: removed, and made again
            if error.errno is not None or directory.is_symlink():
                raise
        else:
            return
