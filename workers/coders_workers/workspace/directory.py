"""A workspace that is an existing directory.

Owns the checks before a session runs in it. It is never changed or removed.
"""

from __future__ import annotations

import getpass
import os
import stat
from pathlib import Path

from coders_queue import errors
from coders_workers.workspace import git, repository
from coders_workers.workspace.prepared import Prepared


def prepare_directory(path: str, session_id: str) -> Prepared:
    """Check it, and note the repository it is in, if any, as it is now."""
    directory = check(path)
    found = Prepared(session_id=session_id, cwd=directory, root=directory)
    if not repository.is_inside(directory):
        return found
    try:
        top, branch, base = repository.snapshot(directory)
        return Prepared(
            session_id=session_id,
            cwd=directory,
            root=top,
            repository=top,
            branch=branch,
            base=base,
        )
    except (errors.WorkspaceError, git.GitFailed):
        # nobody asked for a repository: what git cannot read, or no git at all, is no obstacle
        return found


def check(path: str) -> Path:
    """The path, if this user can run something there. Raises WorkspaceError."""
    directory, name = Path(path), git.shown(path)
    if not directory.is_absolute():
        raise errors.WorkspaceError(
            f"the directory {name!r} is not an absolute path", "give it from / on"
        )
    try:
        mode = directory.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise errors.WorkspaceError(
            f"the directory {name} does not exist on this host",
            "create it there, or choose another with --cwd",
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise errors.WorkspaceError(
            f"the directory {name} cannot be looked at: {reason}",
            f"check the path, and what the worker's user {_user()} may do there",
        ) from None
    if not stat.S_ISDIR(mode):
        raise errors.WorkspaceError(
            f"{name} is not a directory", "choose the directory it is in with --cwd"
        )
    if not os.access(directory, os.R_OK | os.X_OK):
        raise errors.WorkspaceError(
            f"the worker's user {_user()} may not enter the directory {name}",
            "give that user read and execute permission on it",
        )
    return directory


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
