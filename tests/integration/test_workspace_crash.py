"""A worktree whose making was cut short, at every step."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.models.spec import WorktreeWorkspace
from coders_workers import workspace
from coders_workers.workspace import Prepared, journal
from coders_workers.workspace import git as our_git
from support.scratch_git import git, isolate, make_repository, traces

ID = "0f8c1d2e-aaaa-bbbb-cccc-121212121212"


@pytest.fixture(autouse=True)
def _scratch_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")


def prepare(repository: Path) -> Prepared:
    return workspace.prepare(
        WorktreeWorkspace(repository=str(repository)),
        session_id=ID,
        attempt=1,
        name="fix",
        worktrees_root=repository.parent / "worktrees",
        branch_prefix="coders/",
    )


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_git_adds() -> None:
    real = our_git.run

    def run(directory: Path, *words: str, **options: object) -> bytes:
        if words[:2] == ("worktree", "add"):
            die()
        return real(directory, *words, **options)  # type: ignore[arg-type]

    our_git.run = run  # type: ignore[assignment]


def after_git_added() -> None:
    real = our_git.run

    def run(directory: Path, *words: str, **options: object) -> bytes:
        printed = real(directory, *words, **options)  # type: ignore[arg-type]
        if words[:2] == ("worktree", "add"):
            die()
        return printed

    our_git.run = run  # type: ignore[assignment]


def before_the_note() -> None:
    def write(*_: object) -> None:
        die()

    journal.write = write  # type: ignore[assignment]


def after_the_last_note() -> None:
    real = journal.write

    def write(root: Path, note: journal.Note) -> None:
        real(root, note)
        if note.done:
            die()

    journal.write = write


def crashing(repository: Path, sabotage: Callable[[], None]) -> None:
    sabotage()
    prepare(repository)


@pytest.mark.parametrize(
    "sabotage", [before_the_note, before_git_adds, after_git_added, after_the_last_note]
)
def test_a_worker_killed_at_any_step_finds_its_worktree(
    repository: Path, sabotage: Callable[[], None]
) -> None:
    """The next one makes, or finds, exactly one worktree on the branch it would have had."""
    process = multiprocessing.get_context("fork").Process(
        target=crashing, args=(repository, sabotage)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    prepared = prepare(repository)
    assert prepared.branch == "coders/fix"
    assert git(prepared.root, "status", "--porcelain") == ""
    assert len(traces(repository)[1]) == 1
    assert git(repository, "branch", "--list", "coders/*", "--format=%(refname)").count("\n") == 0
    assert prepare(repository) == prepared


def half_made(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A note of a worktree that git never came to."""

    def write(root: Path, note: journal.Note) -> None:
        real(root, note)
        if note.done:
            raise KeyboardInterrupt

    def drop(*_: object) -> None:
        pass

    real = journal.write
    with monkeypatch.context() as patch:
        patch.setattr("coders_workers.workspace.journal.write", write)
        patch.setattr("coders_workers.workspace.worktree._undo", drop)
        patch.setattr("coders_workers.workspace.journal.drop", drop)
        with pytest.raises(KeyboardInterrupt):
            prepare(repository)
    root = repository.parent / "worktrees"
    note = journal.read(root, ID)
    assert note is not None
    journal.write(root, journal.Note(note.prepared, done=False))
    return note.prepared.root


@pytest.mark.parametrize(
    "state", ["whole", "locked", "no gitdir", "no directory", "half checked out", "branch locked"]
)
def test_what_a_killed_git_leaves_is_cleared(
    repository: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Entries that git locked or never finished, and files half checked out, are no obstacle."""
    root = half_made(repository, monkeypatch)
    entry = repository / ".git" / "worktrees" / root.name
    if state == "locked":
        (entry / "locked").write_text("initializing")
    elif state == "no gitdir":
        (entry / "gitdir").unlink()
        shutil.rmtree(root)
    elif state == "no directory":
        shutil.rmtree(root)
    elif state == "half checked out":
        (root / "kept").unlink()
        (entry / "index.lock").write_text("")
    elif state == "branch locked":
        (repository / ".git" / "refs" / "heads" / "coders" / "fix.lock").write_text("")
    prepared = prepare(repository)
    assert (prepared.root, prepared.branch) == (root, "coders/fix")
    assert git(prepared.root, "status", "--porcelain") == ""
    assert len(traces(repository)[1]) == 1


def test_other_worktrees_are_not_touched_by_clearing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's worktree on a disk that is away just now keeps its entry."""
    away = tmp_path / "repo-0f8c1d2e-mine"
    git(repository, "worktree", "add", "-q", "-b", "mine", str(away))
    shutil.move(away, tmp_path / "unmounted")
    half_made(repository, monkeypatch)
    prepare(repository)
    shutil.move(tmp_path / "unmounted", away)
    assert git(away, "branch", "--show-current") == "mine"


def test_forgetting_clears_what_was_half_made(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session cancelled before its next attempt leaves nothing in the repository."""
    before = traces(repository)
    root = half_made(repository, monkeypatch)
    workspace.forget(ID, root.parent)
    workspace.forget(ID, root.parent)
    assert traces(repository) == before
    assert [path.name for path in root.parent.iterdir()] == [".sessions"]
    assert list((root.parent / ".sessions").iterdir()) == []


def test_forgetting_leaves_a_worktree_with_its_work(repository: Path) -> None:
    """Only the note goes."""
    prepared = prepare(repository)
    workspace.forget(ID, prepared.root.parent)
    assert (prepared.root / "kept").exists()
    assert prepare(repository).root != prepared.root


def test_work_on_a_branch_is_gone_on_with(repository: Path) -> None:
    """A worktree removed with its work safe on the branch comes back for the next attempt."""
    prepared = prepare(repository)
    git(prepared.root, "commit", "-q", "--allow-empty", "-m", "work")
    tip = git(prepared.root, "rev-parse", "HEAD")
    assert not workspace.conclude(prepared).kept
    assert prepare(repository) == prepared
    assert git(prepared.root, "rev-parse", "HEAD") == tip
    assert workspace.conclude(prepared).commits == (tip,)


def test_a_branch_gone_on_with_elsewhere_is_said(repository: Path, tmp_path: Path) -> None:
    """Somebody checked it out meanwhile: the next attempt does not fight over it."""
    prepared = prepare(repository)
    git(prepared.root, "commit", "-q", "--allow-empty", "-m", "work")
    workspace.conclude(prepared)
    git(repository, "worktree", "add", "-q", str(tmp_path / "mine"), "coders/fix")
    with pytest.raises(errors.WorkspaceError, match="checked out in another worktree"):
        prepare(repository)


def test_a_worktree_removed_by_hand_is_made_again(repository: Path) -> None:
    """With its branch it is gone on with, without it is begun anew."""
    prepared = prepare(repository)
    shutil.rmtree(prepared.root)
    assert prepare(repository) == prepared
    shutil.rmtree(prepared.root)
    git(repository, "worktree", "prune")
    git(repository, "branch", "-q", "-D", "coders/fix")
    assert prepare(repository) == prepared


def test_a_worktree_that_lost_its_link_is_not_touched(repository: Path) -> None:
    """An agent that removed ``.git`` may have left work: it is not made again over that."""
    prepared = prepare(repository)
    (prepared.root / ".git").unlink()
    (prepared.root / "work").write_text("x")
    with pytest.raises(errors.WorkspaceError, match="no longer one that git knows"):
        prepare(repository)
    assert (prepared.root / "work").exists()
    assert workspace.conclude(prepared).kept
