"""Work of a part that no commit holds, as a commit: without a touch to its worktree or branch."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from coders_queue import errors
from coders_queue.merging.part import Part
from coders_queue.models.outcome import WorkspaceResult
from coders_workers.merging import identity
from coders_workers.workspace import git, repository

#: A merge or the like is under way: what is there is nobody's work yet.
_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def commit(part: Part, left: WorkspaceResult, head: str) -> str:
    """A commit on top of ``head`` with all that is in the worktree and not ignored.

    Raises WorkspaceError for a directory that is no worktree of the part's own, and GitFailed.
    """
    top = Path(left.path)
    place = repository.find(top)
    if place.own == place.common or place.top != top:
        raise errors.WorkspaceError(
            f"{git.shown(top)} is no worktree of its own: what no commit holds may be anybody's"
        )
    busy = next((name for name in _UNDER_WAY if os.path.lexists(place.own / name)), None)
    if busy is not None:
        raise errors.WorkspaceError(f"{busy} is there: something is under way in {git.shown(top)}")
    with tempfile.TemporaryDirectory(prefix="coders-") as directory:
        # an index of our own: the worktree's stays as the agent left it
        environ = {"GIT_INDEX_FILE": str(Path(directory, "index"))}
        git.run(top, "read-tree", head, environ=environ)
        git.run(top, "add", "--all", "--", ".", timeout=git.CHECKOUT, environ=environ)
        tree = git.run(top, "write-tree", environ=environ).decode("ascii").strip()
    message = f"Work of session {part.label} that it did not commit"
    who = identity.of(top)
    return git.line(top, *who, "commit-tree", tree, "-p", head, "-m", message)
