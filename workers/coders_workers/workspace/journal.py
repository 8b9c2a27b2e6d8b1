"""Which worktree is whose: a file a session in the worktrees' root, written before git is asked.

So a crash at any step leaves a note of what was being made, and the next attempt finds it. Owns
``<worktrees root>/.sessions/<session id>.json``; touches no worktree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coders_queue import errors, ids
from coders_workers.workspace import prepared
from coders_workers.workspace.prepared import Prepared

_DIRECTORY = ".sessions"


@dataclass(frozen=True)
class Note:
    """What was made, or was about to be, for a session."""

    prepared: Prepared
    done: bool
    """Whether git had finished; until then nobody but us can have worked in it."""


def read(worktrees_root: Path, session_id: str) -> Note | None:
    """The session's note, if it has one that can be read."""
    data = prepared.read(_path(worktrees_root, session_id))
    if data is None:
        return None
    try:
        return Note(Prepared.from_json(data["prepared"]), bool(data["done"]))
    except (KeyError, TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Noted:
    """A note as it was found."""

    session_id: str
    path: Path
    """Its file."""
    at: float
    """When it was written last, epoch seconds."""
    prepared: Prepared


def notes(worktrees_root: Path) -> Iterator[Noted]:
    """Every note that can be read."""
    for path in sorted((worktrees_root.resolve() / _DIRECTORY).glob("*.json")):
        note = read(path.parent.parent, path.stem) if ids.is_name(path.stem) else None
        if note is not None:
            with contextlib.suppress(FileNotFoundError):
                yield Noted(path.stem, path, path.stat().st_mtime, note.prepared)


def write(worktrees_root: Path, note: Note) -> None:
    """Write, or overwrite, the session's note."""
    path = _path(worktrees_root, note.prepared.session_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    prepared.write(path, {"prepared": note.prepared.to_json(), "done": note.done})


def drop(worktrees_root: Path, session_id: str) -> None:
    """Remove the session's note; none is fine."""
    with contextlib.suppress(FileNotFoundError):
        _path(worktrees_root, session_id).unlink()


def _path(worktrees_root: Path, session_id: str) -> Path:
    if not ids.is_name(session_id):
        raise errors.WorkspaceError(
            f"{session_id!r} cannot be a session's id on a host",
            "use a letter or digit, then up to 62 of A-Z a-z 0-9 . _ -",
        )
    return worktrees_root / _DIRECTORY / f"{session_id}.json"
