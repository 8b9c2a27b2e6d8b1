"""Whether removing a worktree would lose something.

Only looks. Work is: changes and untracked files, commits that nothing else holds, stashes made on
its branch, and anything under way. Ignored files are not work (build output, caches, installed
packages): whoever wants one kept commits it, or has it not ignored.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from coders_queue import errors
from coders_workers.workspace import git, repository
from coders_workers.workspace.prepared import Prepared
from coders_workers.workspace.repository import Repository

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "sequencer": "a cherry-pick or revert",
    "BISECT_LOG": "a bisection",
    "index.lock": "a git command",
}
#: Refs that are not a place for commits: the worktree's own, which go with it, and the stash.
_NO_HOLDERS = ("refs/bisect/*", "refs/rewritten/*", "refs/worktree/*", "refs/stash")


def why_kept(prepared: Prepared) -> str | None:
    """The reason to keep the worktree, one line; None when nothing would be lost with it."""
    try:
        place = repository.find(prepared.root)
        if place.top != prepared.root:
            return "it is no worktree of its own any more"
        return (
            _under_way(place)
            or _process_inside(prepared.root)
            or _uncommitted(prepared.root)
            or _stashed(prepared)
            or _unheld(prepared)
        )
    except git.GitFailed as failure:
        return f"git cannot say what is in it: {failure.reason}"
    except errors.WorkspaceError as error:
        return error.message
    except OSError as error:
        return f"it cannot be looked into: {error.strerror or error}"


def has_uncommitted(top: Path) -> bool:
    """Whether there is work that no commit holds: changed, staged, or new and not ignored."""
    return bool(
        git.run(
            top,
            "status",
            "--porcelain=v2",
            "-z",
            "--untracked-files=normal",
            "--ignored=no",
            "--ignore-submodules=none",
        )
    )


def _under_way(place: Repository) -> str | None:
    for name, what in _UNDER_WAY.items():
        if os.path.lexists(place.own / name):
            return f"{what} is under way in it"
    return None


def _process_inside(root: Path) -> str | None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            cwd = (process / "cwd").readlink()
        except OSError:
            continue  # ended, or another user's
        if cwd == root or root in cwd.parents:
            return f"process {process.name} runs in it"
    return None


def _uncommitted(root: Path) -> str | None:
    if has_uncommitted(root):
        return "it has work that is not committed"
    # flags that hide a change from git status
    for record in git.records(root, "ls-files", "-v", "-z"):
        flag, name = record[0], record[2:]
        if flag.islower() or (flag == "S" and os.path.lexists(root / name)):
            return f"changes to {git.shown(name)} are hidden from git"
    return None


def _stashed(prepared: Prepared) -> str | None:
    if repository.commit(prepared.root, "refs/stash") is None:
        return None
    ours = {prepared.branch, repository.branch(prepared.root)}
    for message in git.records(prepared.root, "log", "-g", "-z", "--format=%gs", "refs/stash"):
        made_on = re.match(r"(?:WIP on|On) ([^:]+): ", message)
        if made_on and made_on[1] in ours:
            return f"a stash was made on its branch {made_on[1]}"
    return None


def _unheld(prepared: Prepared) -> str | None:
    """Commits made in it that no branch or tag holds, and no log of a branch that stays."""
    root = prepared.root
    if git.run(root, "for-each-ref", "--count=1", "refs/bisect", "refs/worktree", "refs/rewritten"):
        return "it has refs of its own"
    seen = _visited(root, "HEAD")
    if prepared.branch is not None:
        branch = f"refs/heads/{prepared.branch}"
        tip = repository.commit(root, branch)
        if tip is not None:
            # an empty branch goes with the worktree, and its log with it
            seen = (
                seen - _visited(root, branch)
                if tip != prepared.base
                else seen | _visited(root, branch)
            )
    seen.add(git.line(root, "rev-parse", "HEAD"))
    unheld = git.run(
        root,
        "rev-list",
        "--max-count=1",
        "--ignore-missing",
        "--stdin",
        "--not",
        *(f"--exclude={pattern}" for pattern in _NO_HOLDERS),
        "--glob=refs/*",
        stdin="".join(f"{commit}\n" for commit in sorted(seen)).encode("ascii"),
    )
    if unheld:
        return f"no branch or tag holds its commit {unheld[:12].decode('ascii')}"
    return None


def _visited(root: Path, ref: str) -> set[str]:
    """The commits that a ref's log names; none where logs are off."""
    try:
        return set(git.run(root, "rev-list", "--walk-reflogs", ref).decode("ascii").split())
    except git.GitFailed:
        return set()
