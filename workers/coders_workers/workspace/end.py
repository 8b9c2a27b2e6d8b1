"""What a session left in its workspace, and the end of a worktree in which nothing would be lost.

A directory is only looked at. A worktree is removed by git's own ``worktree remove``, never forced,
and only when :mod:`coders_workers.workspace.keep` sees no reason against it; its branch stays,
unless it has no commit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from coders_queue import errors
from coders_queue.models.outcome import DiffStat, WorkspaceResult
from coders_workers import dirlock
from coders_workers.workspace import diffstat, git, journal, repository
from coders_workers.workspace.keep import has_uncommitted, why_kept
from coders_workers.workspace.prepared import Prepared
from coders_workers.workspace.worktree import PATIENCE

#: The most commits that a result names: the newest.
MAX_COMMITS = 1000

_T = TypeVar("_T")

#: The workspaces that are being concluded, and how many threads are at each.
_TURNS: dict[str, tuple[threading.Lock, int]] = {}
_GUARD = threading.Lock()


def conclude(
    prepared: Prepared, *, keep: Literal["changed", "always"] = "changed"
) -> WorkspaceResult:
    """Say what is in the workspace after the session, and remove a worktree with nothing to lose.

    Raises nothing for a workspace in disorder: it is kept, and what cannot be told is left open. A
    second call, after the worktree is gone, says the same from its branch. ``keep="always"`` leaves
    every worktree where it is.
    """
    with _alone(prepared):
        return _conclude(prepared, keep)


def _conclude(prepared: Prepared, keep: Literal["changed", "always"]) -> WorkspaceResult:
    if not prepared.root.is_dir():
        return _from_branch(prepared)
    result = _look(prepared)
    if prepared.is_worktree and keep != "always":
        _remove(prepared)
        kept = prepared.root.exists()
        gone = not kept and result.branch == prepared.branch and _own_tip(prepared) is None
        result = result.model_copy(update={"kept": kept, "branch": None if gone else result.branch})
    return result


@contextmanager
def _alone(prepared: Prepared) -> Iterator[None]:
    """One conclusion of a workspace at a time: another's git in it would be a reason to keep it."""
    key = str(prepared.root)
    with _GUARD:
        lock, users = _TURNS.get(key, (threading.Lock(), 0))
        _TURNS[key] = (lock, users + 1)
    try:
        with lock:
            yield
    finally:
        with _GUARD:
            lock, users = _TURNS.pop(key)
            if users > 1:
                _TURNS[key] = (lock, users - 1)


def _look(prepared: Prepared) -> WorkspaceResult:
    plain = _plain(prepared)
    if prepared.repository is None:
        return plain
    root, base = prepared.root, prepared.base
    none: tuple[str, ...] = ()
    head = _tell(lambda: repository.commit(root, "HEAD"), None)
    branch = _tell(lambda: repository.branch(root), None)
    commits = _tell(lambda: _commits(root, base, head), none)
    if prepared.is_worktree and not commits and branch != prepared.branch:
        # it went elsewhere and did nothing there
        own = _tell(lambda: repository.commit(root, f"refs/heads/{prepared.branch}"), None)
        if own is not None:
            branch, head = prepared.branch, own
            commits = _tell(lambda: _commits(root, base, own), none)
    return plain.model_copy(
        update={
            "branch": branch or (prepared.branch if prepared.is_worktree else None),
            "head": head,
            "commits": commits,
            "diff": _tell(lambda: diffstat.since(root, base), DiffStat()),
            # of what git cannot tell, the answer that makes somebody look
            "uncommitted": _tell(lambda: has_uncommitted(root), True),
        }
    )


def _from_branch(prepared: Prepared) -> WorkspaceResult:
    plain = _plain(prepared)
    main = prepared.repository
    if not prepared.is_worktree or main is None or prepared.base is None:
        return plain
    tip = _own_tip(prepared)
    head = tip or prepared.base
    none: tuple[str, ...] = ()
    return plain.model_copy(
        update={
            "branch": None if tip is None else prepared.branch,
            "head": head,
            "commits": _tell(lambda: _commits(main, prepared.base, head), none),
            "diff": _tell(lambda: diffstat.between(main, prepared.base, head), DiffStat()),
        }
    )


def _own_tip(prepared: Prepared) -> str | None:
    """The commit that the session's own branch is at; None when there is no such branch (left)."""
    main = prepared.repository
    if main is None:
        return None
    return _tell(lambda: repository.commit(main, f"refs/heads/{prepared.branch}"), None)


def _plain(prepared: Prepared) -> WorkspaceResult:
    path = prepared.root if prepared.is_worktree else prepared.cwd
    return WorkspaceResult(
        path=str(path), kept=path.is_dir(), branch=prepared.branch, base=prepared.base
    )


def _commits(directory: Path, base: str | None, head: str | None) -> tuple[str, ...]:
    if head is None:
        return ()
    span = head if base is None else f"{base}..{head}"
    listed = git.run(directory, "rev-list", "--reverse", f"--max-count={MAX_COMMITS}", span, "--")
    return tuple(listed.decode("ascii").split())


def _tell(ask: Callable[[], _T], otherwise: _T) -> _T:
    try:
        return ask()
    except (git.GitFailed, errors.WorkspaceError, OSError):
        return otherwise


def _remove(prepared: Prepared) -> None:
    """Remove the worktree if nothing is lost; a git that refuses, for any reason, is obeyed."""
    main = prepared.repository
    if main is None:
        return
    try:
        common = repository.find(main).common
        with dirlock.hold(common, PATIENCE):
            if not prepared.root.is_dir() or why_kept(prepared) is not None:
                return
            git.run(main, "worktree", "remove", "--", str(prepared.root), timeout=git.CHECKOUT)
            _delete_if_empty(prepared, main)
    except (git.GitFailed, errors.CodersError, OSError):
        return


def _delete_if_empty(prepared: Prepared, main: Path) -> None:
    branch = f"refs/heads/{prepared.branch}"
    tip = repository.commit(main, branch)
    if tip == prepared.base and prepared.branch and prepared.base:
        if repository.checked_out(main, prepared.branch):
            return
        git.run(main, "update-ref", "-d", branch, prepared.base)
        tip = None
    if tip is None:
        journal.drop(prepared.root.parent, prepared.session_id)
