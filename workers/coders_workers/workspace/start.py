"""Where a session will run: the one entry for both kinds of workspace."""

from __future__ import annotations

from pathlib import Path

from coders_queue.models.spec import Workspace, WorktreeWorkspace
from coders_workers.workspace.directory import prepare_directory
from coders_workers.workspace.prepared import Prepared
from coders_workers.workspace.worktree import prepare_worktree


def prepare(
    spec_workspace: Workspace,
    *,
    session_id: str,
    attempt: int,
    name: str | None,
    worktrees_root: Path,
    branch_prefix: str,
) -> Prepared:
    """Make the session's workspace, or find the one made for it before.

    A session has one worktree, whatever the number of the attempt; twice, at once, or after a crash
    in the middle it is still that one. Raises WorkspaceError, and nothing half-made is left.
    ``branch_prefix`` is what the branch's name starts with: ``coders/``.
    """
    del attempt  # all attempts share the session's workspace
    if isinstance(spec_workspace, WorktreeWorkspace):
        return prepare_worktree(
            spec_workspace,
            session_id=session_id,
            name=name,
            worktrees_root=worktrees_root,
            branch_prefix=branch_prefix,
        )
    return prepare_directory(spec_workspace.path, session_id)
