"""What git says of a repository: where it is, its commits, branches and worktrees.

Only looks; changes nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from coders_queue import errors
from coders_workers.workspace import git


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree."""

    top: Path
    """The top of the work tree that was asked about."""
    common: Path
    """The directory that all its worktrees share: ``.git`` of the main one."""
    own: Path
    """The directory of this worktree alone; ``common`` for the main one."""


def is_inside(directory: Path) -> bool:
    """Whether a ``.git`` lies there or above: a quick look that needs no git."""
    return any(os.path.lexists(place / ".git") for place in (directory, *directory.parents))


def find(directory: Path) -> Repository:
    """The repository that a directory is in. Raises WorkspaceError, git's reason explained."""
    try:
        if git.line(directory, "rev-parse", "--is-inside-work-tree") != "true":
            raise errors.WorkspaceError(
                f"{git.shown(directory)} is a bare repository, or git's own directory in one",
                "name a directory with its files checked out: git clone it first",
            )
        # a path may hold a newline, so each is asked for alone
        return Repository(
            Path(git.line(directory, "rev-parse", "--show-toplevel")),
            _path(directory, "--git-common-dir"),
            _path(directory, "--absolute-git-dir"),
        )
    except git.GitFailed as failure:
        raise failure.explain(directory) from None


def _path(directory: Path, which: str) -> Path:
    return Path(git.line(directory, "rev-parse", "--path-format=absolute", which))


def snapshot(directory: Path) -> tuple[Path, str | None, str | None]:
    """The top of the work tree around a directory, its branch and its commit, by one git at best.

    Every spawn in a repository waits for this. Raises WorkspaceError as :func:`find`, or GitFailed.
    """
    wanted = ("--is-inside-work-tree", "HEAD", "--symbolic-full-name", "HEAD", "--show-toplevel")
    try:
        # the path comes last, as it may hold newlines
        inside, head, ref, top = git.line(directory, "rev-parse", *wanted).split("\n", 3)
    except (git.GitFailed, ValueError):
        # no commit yet, or something wrong: find says what
        return find(directory).top, branch(directory), commit(directory, "HEAD")
    if inside != "true":
        return find(directory).top, None, None
    on = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
    return Path(top), on, head


def commit(directory: Path, name: str) -> str | None:
    """The commit that a branch, tag, hash or ``HEAD`` means; None when there is none."""
    try:
        return git.line(directory, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except git.GitFailed as failure:
        if failure.is_not_a_repository or "dubious ownership" in failure.output:
            raise
        return None


def branch(directory: Path) -> str | None:
    """The branch checked out there, which may have no commit yet; None for a detached HEAD."""
    try:
        return git.line(directory, "symbolic-ref", "--quiet", "--short", "HEAD")
    except git.GitFailed:
        return None


def branch_stands(directory: Path, name: str) -> bool:
    """Whether there is a branch of that name, or one below it (``name/...``)."""
    return bool(git.run(directory, "for-each-ref", "--count=1", f"refs/heads/{name}"))


def checked_out(directory: Path, name: str) -> bool:
    """Whether a worktree of the repository has that branch checked out."""
    listed = git.records(directory, "worktree", "list", "--porcelain", "-z")
    return f"branch refs/heads/{name}" in listed
