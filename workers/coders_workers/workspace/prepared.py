"""The facts of a prepared workspace, and how they outlive the worker.

Owns :class:`Prepared` and its file in a session's private directory. Touches no repository.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The file they are in.
FILE = "workspace.json"


@dataclass(frozen=True)
class Prepared:
    """Where a session runs, and what its repository was when it started."""

    session_id: str
    cwd: Path
    """Where the agent runs."""
    root: Path
    """The top of the worktree or repository; ``cwd`` itself outside of one."""
    repository: Path | None = None
    """A worktree's repository, or the one that the directory is in, if any: its top."""
    branch: str | None = None
    """The branch made for it, or the directory's at the start; None when it had none."""
    base: str | None = None
    """The commit it started from; None without one."""
    is_worktree: bool = False
    """Whether the worktree at ``root`` and ``branch`` were made for the session."""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object. Paths may hold surrogate escapes, which JSON carries as ``\\udcXX``."""
        return {
            "session_id": self.session_id,
            "cwd": str(self.cwd),
            "root": str(self.root),
            "repository": None if self.repository is None else str(self.repository),
            "branch": self.branch,
            "base": self.base,
            "is_worktree": self.is_worktree,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Prepared:
        """The inverse of :meth:`to_json`. Raises ValueError for anything else."""
        try:
            repository = data["repository"]
            return cls(
                session_id=str(data["session_id"]),
                cwd=Path(data["cwd"]),
                root=Path(data["root"]),
                repository=None if repository is None else Path(repository),
                branch=data["branch"],
                base=data["base"],
                is_worktree=bool(data["is_worktree"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a prepared workspace: {error}") from None


def remember(directory: Path, prepared: Prepared) -> None:
    """Keep the facts in a private directory of the session's, which exists.

    What is there of the same workspace stays: when an attempt is started a second time, its agent
    may have made commits already, and the first start is what they are counted from.
    """
    before = recall(directory)
    if before is None or (before.cwd, before.branch) != (prepared.cwd, prepared.branch):
        # a worktree has work to find again after a power loss; for a directory that was there
        # before, waiting for the disk would double the time of a start
        write(directory / FILE, prepared.to_json(), sync=prepared.is_worktree)


def recall(directory: Path) -> Prepared | None:
    """The facts remembered there; None when there are none, or none that can be read."""
    data = read(directory / FILE)
    if data is None:
        return None
    try:
        return Prepared.from_json(data)
    except ValueError:
        return None


def forget_shared(directory: Path) -> None:
    """Remove what a session's directory says for its further attempts: there will be none."""
    (directory / FILE).unlink(missing_ok=True)


def write(path: Path, data: dict[str, Any], *, sync: bool = True) -> None:
    """Write a JSON object in one step, 0600, so that it is there whole or not at all.

    ``sync``: not even a power loss shall undo it.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(json.dumps(data).encode("ascii") + b"\n")
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def read(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None without one, or when it is not one."""
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return data if isinstance(data, dict) else None
