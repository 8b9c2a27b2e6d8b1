"""A workspace that is a git worktree of its own, on its own branch.

Owns its making: at ``<worktrees root>/<repository's name>-<short id>``, from a commit, without a
remote to follow, so that an agent's plain ``git push`` cannot hit the branch it came from.
Submodules are left as ``git worktree add`` leaves them, empty. How it ends is in
:mod:`coders_workers.workspace.end`.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

from coders_queue import errors, ids
from coders_queue.models.spec import WorktreeWorkspace
from coders_workers import dirlock
from coders_workers.workspace import branch_name, git, journal, repository
from coders_workers.workspace.directory import check
from coders_workers.workspace.journal import Note
from coders_workers.workspace.prepared import Prepared
from coders_workers.workspace.repository import Repository

#: The longest others of ours that work on the same repository are waited for, seconds.
PATIENCE = git.CHECKOUT
#: Waits between tries when a git of somebody else's holds one of git's own locks, seconds.
_WAITS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def prepare_worktree(
    spec: WorktreeWorkspace,
    *,
    session_id: str,
    name: str | None,
    worktrees_root: Path,
    branch_prefix: str,
) -> Prepared:
    """Make the session's worktree, or find it. Raises WorkspaceError; nothing half-made is left."""
    branch_name.check_ref(spec.ref)
    directory = check(spec.repository)
    place = repository.find(directory)
    try:
        worktrees_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = worktrees_root.resolve()
        with dirlock.hold(place.common, PATIENCE):
            found = _find(root, session_id, place)
            if found is not None:
                return found
            base = _base(place.top, spec.ref)
            for wait in (*_WAITS, None):
                branch = branch_name.choose(
                    place.top,
                    wanted=spec.branch,
                    name=name,
                    session_id=session_id,
                    prefix=branch_prefix,
                )
                made = _claim(root, place, directory, session_id, branch, base)
                try:
                    return _add(root, made, place, ("-b", branch), base)
                except git.GitFailed as failure:
                    if wait is None or not (failure.is_lock or failure.is_taken):
                        raise
                    time.sleep(wait)
            raise AssertionError("unreachable: the last try returns or raises")
    except git.GitFailed as failure:
        raise failure.explain(place.top) from None
    except errors.TimedOut as error:
        raise errors.WorkspaceError(error.message, error.hint) from None
    except OSError as error:
        raise errors.WorkspaceError(
            f"cannot make a worktree in {git.shown(worktrees_root)}: {error.strerror or error}",
            "free space or fix its permissions there, or choose another directory for worktrees",
        ) from None


def check_worktree(spec: WorktreeWorkspace) -> None:
    """Raise the WorkspaceError of a repository or ref that cannot serve, before anything is made.

    Only looks: what is right now may be wrong by the time the worktree is made.
    """
    branch_name.check_ref(spec.ref)
    place = repository.find(check(spec.repository))
    try:
        _base(place.top, spec.ref)
    except git.GitFailed as failure:
        raise failure.explain(place.top) from None


def forget(session_id: str, worktrees_root: Path) -> None:
    """Drop the note of a session that will not run again, with anything half-made for it.

    Its worktree and branch, once made, stay as they are.
    """
    root = worktrees_root.resolve()
    note = journal.read(root, session_id)
    if note is not None and not note.done and note.prepared.repository is not None:
        try:
            common = repository.find(note.prepared.repository).common
        except errors.WorkspaceError:
            return  # the repository is away: the note stays, for when it is back
        with dirlock.hold(common, PATIENCE):
            _undo(root, note.prepared, common, crashed=True)
    journal.drop(root, session_id)


def _find(root: Path, session_id: str, place: Repository) -> Prepared | None:
    """The session's worktree as an earlier call made it, put right where that was cut short."""
    note = journal.read(root, session_id)
    if note is None:
        return None
    made = note.prepared
    if not note.done:
        _undo(root, made, place.common, crashed=True)
        return None
    if made.root.is_dir():
        try:
            if repository.find(made.root).top == made.root:
                return made
        except errors.WorkspaceError:
            pass
        raise errors.WorkspaceError(
            f"the session's worktree {git.shown(made.root)} is no longer one that git knows",
            "save what you need of it and remove it, or try: git worktree repair",
        )
    _drop_entries(place.common, made.root)
    if made.branch is None or repository.commit(place.top, f"refs/heads/{made.branch}") is None:
        journal.drop(root, session_id)
        return None
    # it was removed with its work safe on the branch: go on there
    if repository.checked_out(place.top, made.branch):
        raise errors.WorkspaceError(
            f"the session's branch {made.branch} is checked out in another worktree now",
            "remove that worktree, or switch it to another branch",
        )
    made.root.mkdir(mode=0o700)
    try:
        git.run(
            place.top, "worktree", "add", "--", str(made.root), made.branch, timeout=git.CHECKOUT
        )
    except BaseException:
        # without a note of "not done" on purpose: the branch holds work and must not be undone
        _drop_entries(place.common, made.root)
        shutil.rmtree(made.root, ignore_errors=True)
        raise
    return made


def _base(top: Path, ref: str) -> str:
    base = repository.commit(top, ref)
    if base is not None:
        return base
    if not git.run(top, "rev-list", "--all", "--max-count=1"):
        raise errors.WorkspaceError(
            f"the repository {git.shown(top)} has no commit yet",
            "make a first one there: git commit --allow-empty -m start",
        )
    raise errors.WorkspaceError(
        f"{git.shown(top)} has no branch, tag or commit {ref}",
        "see what it has: git branch --all; git tag",
    )


def _claim(
    root: Path, place: Repository, directory: Path, session_id: str, branch: str, base: str
) -> Prepared:
    """Take a directory for it, and note what is about to be made."""
    ordinary = place.common.name == ".git"
    main = place.common.parent if ordinary else place.top
    words = re.sub(r"[^A-Za-z0-9._]+", "-", main.name).strip("-.")[:40].rstrip("-.") or "repository"
    for tail in (ids.short(session_id), session_id):
        path = root / f"{words}-{tail}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        made = Prepared(
            session_id=session_id,
            cwd=path / os.path.relpath(directory.resolve(), place.top),
            root=path,
            repository=main,
            branch=branch,
            base=base,
            is_worktree=True,
        )
        try:
            journal.write(root, Note(made, done=False))
        except BaseException:
            path.rmdir()
            raise
        return made
    raise errors.WorkspaceError(
        f"{git.shown(path)} exists and is not this session's", "move it elsewhere"
    )


def _add(
    root: Path, made: Prepared, place: Repository, how: tuple[str, ...], base: str
) -> Prepared:
    try:
        git.run(
            place.top, "worktree", "add", *how, "--", str(made.root), base, timeout=git.CHECKOUT
        )
        # the same directory of the repository that was asked for, where the commit has it
        made = made if made.cwd.is_dir() else replace(made, cwd=made.root)
        journal.write(root, Note(made, done=True))
    except git.GitFailed as failure:
        # a branch that came into being meanwhile is not ours to delete
        _undo(root, made if not failure.is_taken else replace(made, branch=None), place.common)
        journal.drop(root, made.session_id)
        raise
    except BaseException:
        _undo(root, made, place.common)
        journal.drop(root, made.session_id)
        raise
    return made


def _undo(root: Path, made: Prepared, common: Path, *, crashed: bool = False) -> None:
    """Take away what was half made, as if it had never begun."""
    _drop_entries(common, made.root)
    if made.root.parent == root:
        shutil.rmtree(made.root, ignore_errors=True)
    if made.branch is None or made.base is None:
        return
    if crashed:
        # left by a git that was killed; the name is ours, so nobody else is at it
        (common / "refs" / "heads" / f"{made.branch}.lock").unlink(missing_ok=True)
    if repository.commit(common, f"refs/heads/{made.branch}") == made.base:
        # only while it is still there: git compares and deletes in one step
        git.run(common, "update-ref", "-d", f"refs/heads/{made.branch}", made.base)


def _drop_entries(common: Path, worktree: Path) -> None:
    """Remove the repository's entries for a worktree that is gone or was never finished.

    Not by ``git worktree prune``, which would take other people's along (one on a disk that is not
    mounted just now), nor ``remove``, which refuses what a killed git left locked.
    """
    try:
        entries = list((common / "worktrees").iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        try:
            pointer = os.fsdecode((entry / "gitdir").read_bytes()).removesuffix("\n")
        except (FileNotFoundError, NotADirectoryError):
            # killed before it wrote that; git calls an entry after its directory, plus a number
            number = entry.name.removeprefix(worktree.name)
            ours = number != entry.name and (not number or number.isdigit()) and entry.is_dir()
        else:
            ours = Path(os.path.normpath(entry / pointer)) == worktree / ".git"
        if ours:
            shutil.rmtree(entry)
