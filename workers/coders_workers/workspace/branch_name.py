"""What a session's branch is called.

Chooses a name that git takes and nobody has; creates nothing.
"""

from __future__ import annotations

from pathlib import Path

from coders_queue import errors, ids
from coders_workers.workspace import git, repository


def check_ref(ref: str) -> None:
    """Refuse what git could take for an option, or no one can read in a message."""
    if not ref or ref.startswith("-") or not ref.isprintable():
        raise errors.WorkspaceError(
            f"{ref!r} cannot be a git ref to start from", "name a branch, tag or commit"
        )


def choose(top: Path, *, wanted: str | None, name: str | None, session_id: str, prefix: str) -> str:
    """The branch wanted, if it is free, else the first free one made of prefix, name and id.

    Raises WorkspaceError when there is none.
    """
    if wanted is not None:
        _check_wanted(top, wanted)
        return wanted
    short = ids.short(session_id)
    tails = [short, session_id] if name is None else [name, f"{name}-{short}", short, session_id]
    candidates = [
        branch for branch in (f"{prefix}{tail}" for tail in tails) if _is_legal(top, branch)
    ]
    if not candidates:
        raise errors.WorkspaceError(
            f"no branch can be called {git.shown(prefix + tails[0])}",
            "set a branch prefix that git takes, such as coders/",
        )
    for branch in candidates:
        _check_way(top, branch)
        if not repository.branch_stands(top, branch):
            return branch
    raise errors.WorkspaceError(
        f"the branches {', '.join(candidates)} exist already in {git.shown(top)}",
        "delete one of them: git branch -d",
    )


def _check_wanted(top: Path, wanted: str) -> None:
    if not _is_legal(top, wanted):
        raise errors.WorkspaceError(
            f"{wanted!r} cannot be a branch's name", "git check-ref-format tells what can"
        )
    _check_way(top, wanted)
    if repository.branch_stands(top, wanted):
        used = " and is checked out in a worktree" if repository.checked_out(top, wanted) else ""
        raise errors.WorkspaceError(
            f"the branch {wanted} exists already in {git.shown(top)}{used}",
            "choose another name for the branch",
        )


def _is_legal(top: Path, branch: str) -> bool:
    if branch.startswith("-") or not branch.isprintable() or branch == "HEAD":
        return False
    try:
        git.run(top, "check-ref-format", f"refs/heads/{branch}")
    except git.GitFailed:
        return False
    return True


def _check_way(top: Path, branch: str) -> None:
    """Git keeps branches like files: ``a`` and ``a/b`` cannot both be."""
    words = branch.split("/")
    for count in range(1, len(words)):
        above = "/".join(words[:count])
        if repository.commit(top, f"refs/heads/{above}") is not None:
            raise errors.WorkspaceError(
                f"the branch {above} in {git.shown(top)} is in the way of {branch}",
                f"rename it: git branch -m {above} NEW, or set another branch prefix",
            )
