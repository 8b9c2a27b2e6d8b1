"""The end of a worktree: what is told of it, and when it goes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coders_queue.models.outcome import DiffStat
from coders_queue.models.spec import WorktreeWorkspace
from coders_workers import workspace
from coders_workers.workspace import Prepared, conclude, why_kept
from support.scratch_git import git, isolate, make_repository, traces

ID = "0f8c1d2e-aaaa-bbbb-cccc-121212121212"


@pytest.fixture(autouse=True)
def _scratch_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")


@pytest.fixture
def prepared(repository: Path) -> Prepared:
    return workspace.prepare(
        WorktreeWorkspace(repository=str(repository)),
        session_id=ID,
        attempt=1,
        name="fix",
        worktrees_root=repository.parent / "worktrees",
        branch_prefix="coders/",
    )


def commit(root: Path, name: str, content: str = "x\n") -> str:
    (root / name).write_text(content)
    git(root, "add", name)
    git(root, "commit", "-q", "-m", name)
    return git(root, "rev-parse", "HEAD")


def branches(repository: Path) -> list[str]:
    return git(repository, "branch", "--format=%(refname:short)").splitlines()


def test_an_untouched_worktree_goes_with_its_branch(repository: Path, prepared: Prepared) -> None:
    """Nothing was done: no directory, entry, branch or note stays, and a second look agrees."""
    result = conclude(prepared)
    assert (result.kept, result.commits, result.uncommitted) == (False, (), False)
    assert (result.branch, result.base, result.head) == (None, prepared.base, prepared.base)
    assert result.path == str(prepared.root)
    assert not prepared.root.exists()
    assert branches(repository) == ["main"]
    assert traces(repository)[1] == []
    assert list((prepared.root.parent / ".sessions").iterdir()) == []
    assert conclude(prepared) == result


def test_committed_work_stays_on_its_branch(repository: Path, prepared: Prepared) -> None:
    """The directory goes, the commits do not; they are told oldest first, and again when asked."""
    first = commit(prepared.root, "one", "1\n")
    second = commit(prepared.root, "kept", "one\n")
    result = conclude(prepared)
    assert (result.kept, result.commits, result.head) == (False, (first, second), second)
    assert result.diff == DiffStat(files=2, insertions=1, deletions=1)
    assert git(repository, "rev-parse", "coders/fix") == second
    assert conclude(prepared) == result


def test_ignored_files_are_not_work(prepared: Prepared) -> None:
    """Build output and the like go with the worktree."""
    (prepared.root / "ignored").write_text("x")
    assert not conclude(prepared).kept
    assert not prepared.root.exists()


def test_worktrees_are_kept_where_that_is_wanted(prepared: Prepared) -> None:
    """``always`` leaves even an empty one."""
    assert conclude(prepared, keep="always").kept
    assert prepared.root.exists()


def changed(root: Path) -> None:
    (root / "kept").write_text("changed\n")


def staged(root: Path) -> None:
    (root / "new").write_text("x\n")
    git(root, "add", "new")


def untracked(root: Path) -> None:
    (root / "new").write_text("x\n")


def untracked_below(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "new").write_text("x\n")


def deleted(root: Path) -> None:
    (root / "kept").unlink()


def mode_changed(root: Path) -> None:
    (root / "kept").chmod(0o755)


def untracked_not_shown(root: Path) -> None:
    git(root, "config", "status.showUntrackedFiles", "no")
    untracked(root)


def assumed_unchanged(root: Path) -> None:
    git(root, "update-index", "--assume-unchanged", "kept")
    changed(root)


def skipped(root: Path) -> None:
    git(root, "update-index", "--skip-worktree", "kept")
    changed(root)


def stash(root: Path) -> None:
    changed(root)
    git(root, "stash", "-q")


def stash_with_a_message(root: Path) -> None:
    changed(root)
    git(root, "stash", "push", "-q", "-m", "my: work")


def merging(root: Path) -> None:
    git(root, "switch", "-q", "-c", "other")
    commit(root, "other")
    git(root, "switch", "-q", "coders/fix")
    git(root, "merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "other")


def rebasing(root: Path) -> None:
    commit(root, "more")
    subprocess.run(
        ["git", "rebase", "-q", "--exec", "false", "HEAD~1"],
        cwd=root, check=False, capture_output=True, timeout=60,
    )  # fmt: skip


def bisecting(root: Path) -> None:
    git(root, "bisect", "start")


def detached_commit(root: Path) -> None:
    git(root, "checkout", "-q", "--detach")
    commit(root, "loose")


def left_detached_commit(root: Path) -> None:
    detached_commit(root)
    git(root, "checkout", "-q", "coders/fix")


def reset_commit(root: Path) -> None:
    commit(root, "loose")
    git(root, "reset", "-q", "--hard", "HEAD~1")


def own_ref(root: Path) -> None:
    git(root, "update-ref", "refs/worktree/mine", "HEAD")


def locked(root: Path) -> None:
    git(root, "worktree", "lock", str(root))


def git_at_work(root: Path) -> None:
    (Path(git(root, "rev-parse", "--absolute-git-dir")) / "index.lock").write_text("")


def submodule(root: Path) -> None:
    inner = make_repository(root.parent / "inner")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "module")
    git(root, "commit", "-q", "-m", "module")


def nested_repository(root: Path) -> None:
    make_repository(root / "nested")


WORK: list[Callable[[Path], None]] = [
    changed, staged, untracked, untracked_below, deleted, mode_changed, untracked_not_shown,
    assumed_unchanged, skipped, stash, stash_with_a_message, merging, rebasing, bisecting,
    detached_commit, left_detached_commit, reset_commit, own_ref, locked, git_at_work, submodule,
    nested_repository,
]  # fmt: skip


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_work_that_would_be_lost_keeps_the_worktree(
    repository: Path, prepared: Prepared, work: Callable[[Path], None]
) -> None:
    """Every kind of work that no commit on a branch holds, and a worktree somebody locked."""
    work(prepared.root)
    before = git(prepared.root, "status", "--porcelain"), traces(repository)
    assert conclude(prepared).kept
    assert (prepared.root / ".git").exists()
    assert (git(prepared.root, "status", "--porcelain"), traces(repository)) == before
    if work not in (locked, submodule):  # git itself refuses those
        assert why_kept(prepared) is not None


@pytest.mark.parametrize(
    ("work", "uncommitted"),
    [(changed, True), (staged, True), (untracked, True), (stash, False), (reset_commit, False)],
)
def test_uncommitted_work_is_told(
    prepared: Prepared, work: Callable[[Path], None], uncommitted: bool
) -> None:
    """The flag is about files, not about commits or stashes."""
    work(prepared.root)
    assert conclude(prepared).uncommitted == uncommitted


def test_another_sessions_stash_is_not_ours(repository: Path, prepared: Prepared) -> None:
    """Stashes are shared by all worktrees: one made on main keeps nobody's worktree."""
    changed(repository)
    git(repository, "stash", "-q")
    assert not conclude(prepared).kept
    assert git(repository, "stash", "list") != ""


def test_rewritten_commits_do_not_keep_it(repository: Path, prepared: Prepared) -> None:
    """Who amends has thrown the old commit away; the branch's own log has it still."""
    commit(prepared.root, "one")
    (prepared.root / "one").write_text("better\n")
    git(prepared.root, "commit", "-q", "-a", "--amend", "-m", "one")
    result = conclude(prepared)
    assert (result.kept, len(result.commits)) == (False, 1)
    assert branches(repository) == ["coders/fix", "main"]


def test_a_branch_the_agent_made_stays(repository: Path, prepared: Prepared) -> None:
    """Work on a branch of its choosing is told by that branch; the empty one goes."""
    git(prepared.root, "switch", "-q", "-c", "topic")
    tip = commit(prepared.root, "one")
    result = conclude(prepared)
    assert (result.kept, result.branch, result.commits) == (False, "topic", (tip,))
    assert branches(repository) == ["main", "topic"]


def test_work_before_a_switch_is_told(repository: Path, prepared: Prepared) -> None:
    """An agent that ends on a branch without work of its own still did what its own branch has."""
    tip = commit(prepared.root, "one")
    git(repository, "branch", "idle")
    git(prepared.root, "switch", "-q", "idle")
    result = conclude(prepared)
    assert (result.branch, result.head, result.commits) == ("coders/fix", tip, (tip,))
    assert not result.kept


def test_an_empty_branch_checked_out_elsewhere_stays(
    repository: Path, prepared: Prepared, tmp_path: Path
) -> None:
    """Deleting it would break the other worktree."""
    git(prepared.root, "switch", "-q", "-c", "other")
    git(repository, "worktree", "add", "-q", str(tmp_path / "mine"), "coders/fix")
    conclude(prepared)
    assert git(tmp_path / "mine", "rev-parse", "HEAD") == prepared.base


def test_a_branch_merged_meanwhile_goes_if_it_has_nothing(
    repository: Path, prepared: Prepared
) -> None:
    """Its commit on main is no reason to keep a branch that made none."""
    git(repository, "commit", "-q", "--allow-empty", "-m", "main moves on")
    conclude(prepared)
    assert branches(repository) == ["main"]


def test_a_process_inside_keeps_it(prepared: Prepared) -> None:
    """Something the agent left running has its directory for as long as it runs."""
    below = prepared.root / "sub"
    process = subprocess.Popen(["sleep", "60"], cwd=below)
    try:
        assert why_kept(prepared) == f"process {process.pid} runs in it"
        assert conclude(prepared).kept
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert not conclude(prepared).kept


def test_a_directory_that_cannot_be_removed_is_kept(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that refuses is obeyed."""
    real = shutil.which("git")
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" worktree remove "*) echo "fatal: no" >&2; exit 128;; esac\n'
        f'exec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=os.pathsep)
    assert conclude(prepared).kept
    assert (prepared.root / "kept").exists()


def test_force_is_never_used(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git is asked from making to removal holds no option that overrides its own care."""
    real = shutil.which("git")
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=os.pathsep)
    assert not conclude(prepared).kept
    words = (tmp_path / "asked").read_text().split()
    assert "remove" in words
    assert not {"--force", "-f", "-ff", "-D", "prune"} & set(words)


def test_concluding_at_once_agrees(repository: Path, prepared: Prepared) -> None:
    """A message delivered several times ends one worktree once."""
    tip = commit(prepared.root, "one")
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: conclude(prepared), range(6)))
    assert {result.commits for result in results} == {(tip,)}
    assert not any(result.kept for result in results)
    assert git(repository, "rev-parse", "coders/fix") == tip


def test_a_repository_that_is_gone_is_told_as_far_as_can_be(
    repository: Path, prepared: Prepared
) -> None:
    """No exception: the worktree stays, and somebody should look."""
    commit(prepared.root, "one")
    shutil.rmtree(repository)
    result = conclude(prepared)
    assert (result.kept, result.commits, result.uncommitted) == (True, (), True)
    shutil.rmtree(prepared.root)
    assert not conclude(prepared).kept


def test_a_long_history_is_told_from_its_end(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result names no more commits than it can carry: the newest."""
    tips = [commit(prepared.root, f"file{number}") for number in range(4)]
    monkeypatch.setattr("coders_workers.workspace.end.MAX_COMMITS", 2)
    assert conclude(prepared).commits == tuple(tips[2:])
