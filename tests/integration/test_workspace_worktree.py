"""A session in a git worktree of its own: how it comes to be."""

from __future__ import annotations

import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from coders_queue import errors
from coders_queue.models.spec import WorktreeWorkspace
from coders_workers import workspace
from coders_workers.workspace import Prepared
from coders_workers.workspace import git as our_git
from support.scratch_git import git, isolate, make_repository, traces

ID = "0f8c1d2e-aaaa-bbbb-cccc-121212121212"
SAME_SHORT_ID = "0f8c1d2e-dddd-eeee-ffff-343434343434"


@pytest.fixture(autouse=True)
def _scratch_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")


def prepare(
    repository: Path | str,
    *,
    root: Path | None = None,
    session_id: str = ID,
    attempt: int = 1,
    name: str | None = None,
    ref: str = "HEAD",
    branch: str | None = None,
    prefix: str = "coders/",
) -> Prepared:
    return workspace.prepare(
        WorktreeWorkspace(repository=str(repository), ref=ref, branch=branch),
        session_id=session_id,
        attempt=attempt,
        name=name,
        worktrees_root=root or Path(repository).parent / "worktrees",
        branch_prefix=prefix,
    )


def assert_nothing_left(repository: Path, before: tuple[str, list[str]], root: Path) -> None:
    assert traces(repository) == before
    left = [path for path in root.rglob("*") if path.name != ".sessions"] if root.exists() else []
    assert left == []


def test_a_worktree_is_made_from_head(repository: Path, tmp_path: Path) -> None:
    """At the root, called after repository and session, on a branch of its own, private."""
    prepared = prepare(repository)
    root = tmp_path / "worktrees" / "repo-0f8c1d2e"
    assert prepared == Prepared(
        session_id=ID,
        cwd=root,
        root=root,
        repository=repository,
        branch="coders/0f8c1d2e",
        base=git(repository, "rev-parse", "HEAD"),
        is_worktree=True,
    )
    assert (root / "kept").read_text() == "one\ntwo\n"
    assert git(root, "branch", "--show-current") == "coders/0f8c1d2e"
    assert root.stat().st_mode & 0o777 == 0o700
    assert git(repository, "branch", "--show-current") == "main"


def test_it_starts_from_the_ref_and_follows_nothing(repository: Path, tmp_path: Path) -> None:
    """A remote's branch is where it starts, and not where a plain push would go."""
    clone = tmp_path / "clone"
    git(repository, "branch", "feature")
    git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    prepared = prepare(clone, ref="origin/feature", name="fix")
    assert prepared.branch == "coders/fix"
    assert prepared.base == git(repository, "rev-parse", "feature")
    assert git(clone, "config", "--get-regexp", "^branch\\.main") != ""
    done = subprocess.run(
        ["git", "config", "--get-regexp", "^branch\\.coders"], cwd=clone, check=False, timeout=60
    )
    assert done.returncode == 1


@pytest.mark.parametrize("kind", ["tag", "annotated", "hash", "short", "expression"])
def test_every_way_to_name_a_commit(repository: Path, kind: str) -> None:
    """Tags, hashes and expressions that git understands."""
    start = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    git(repository, "tag", "-a", "v2", "-m", "annotated")
    git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    names = {"tag": "v1", "annotated": "v2", "hash": start, "short": start[:7]}
    assert prepare(repository, ref=names.get(kind, "HEAD~1")).base == start


def test_a_directory_in_the_repository_is_kept(repository: Path, tmp_path: Path) -> None:
    """Who works in a part of the repository runs in that part of the worktree, where it exists."""
    prepared = prepare(repository / "sub", root=tmp_path / "w")
    assert prepared.cwd == prepared.root / "sub"
    (repository / "new").mkdir()
    other = prepare(repository / "new", root=tmp_path / "w", session_id="other")
    assert other.cwd == other.root


def test_a_worktree_can_start_from_a_worktree(repository: Path, tmp_path: Path) -> None:
    """HEAD is that of the directory named; the repository is the one behind both."""
    first = prepare(repository)
    git(first.root, "commit", "-q", "--allow-empty", "-m", "in the first")
    second = prepare(first.root, root=tmp_path / "worktrees", session_id="second")
    assert second.base == git(first.root, "rev-parse", "HEAD")
    assert second.repository == repository
    assert second.root.name == "repo-second"


def test_again_it_is_the_same(repository: Path) -> None:
    """Twice, for a later attempt, and after the ref moved on: one worktree, with its work."""
    first = prepare(repository)
    (first.root / "work").write_text("x")
    git(first.root, "switch", "-q", "-c", "elsewhere")
    git(repository, "commit", "-q", "--allow-empty", "-m", "moved on")
    assert prepare(repository) == first
    assert prepare(repository, attempt=2) == first
    assert (first.root / "work").exists()
    assert len(traces(repository)[1]) == 1


def test_at_once_it_is_the_same(repository: Path) -> None:
    """A message delivered several times makes one worktree."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: prepare(repository), range(8)))
    assert all(prepared == found[0] for prepared in found)
    assert len(traces(repository)[1]) == 1


def test_twenty_sessions_at_once_get_one_each(repository: Path, tmp_path: Path) -> None:
    """Git's own locks would fail them; here each waits for its turn."""
    sessions = [str(uuid.uuid4()) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda s: prepare(repository, session_id=s, name="same"), sessions))
    assert len({prepared.root for prepared in found}) == 20
    assert len({prepared.branch for prepared in found}) == 20
    for prepared in found:
        assert git(prepared.root, "status", "--porcelain") == ""
        assert git(prepared.root, "branch", "--show-current") == prepared.branch
    assert len(traces(repository)[1]) == 20


def test_a_lock_of_somebody_elses_git_is_waited_for(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's git may hold a lock for a moment: the work is undone, and tried again."""
    lock = repository / ".git" / "refs" / "heads" / "coders" / "0f8c1d2e.lock"
    lock.parent.mkdir()
    lock.write_text("")
    before = traces(repository)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert_nothing_left(repository, before, repository.parent / "worktrees")
        if len(pauses) == 2:
            lock.unlink()

    monkeypatch.setattr("coders_workers.workspace.worktree.time", SimpleNamespace(sleep=pause))
    assert prepare(repository).branch == "coders/0f8c1d2e"
    assert len(pauses) == 2


def test_a_lock_that_stays_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's git died and left its lock: git's own word on it, and nothing left."""
    lock = repository / ".git" / "refs" / "heads" / "coders" / "0f8c1d2e.lock"
    lock.parent.mkdir()
    lock.write_text("")
    before = traces(repository)
    nap = SimpleNamespace(sleep=lambda _: None)
    monkeypatch.setattr("coders_workers.workspace.worktree.time", nap)
    with pytest.raises(errors.WorkspaceError, match="File exists"):
        prepare(repository)
    assert_nothing_left(repository, before, repository.parent / "worktrees")
    assert lock.exists()


def test_branches_of_other_sessions_are_left_alone(repository: Path) -> None:
    """A name in use gets the short id, a short id in use the whole id."""
    git(repository, "branch", "coders/fix")
    assert prepare(repository, name="fix").branch == "coders/fix-0f8c1d2e"
    first = prepare(repository, session_id="abcdefgh-1")
    second = prepare(repository, session_id="abcdefgh-2")
    assert (first.branch, second.branch) == ("coders/abcdefgh", "coders/abcdefgh-2")
    assert (first.root.name, second.root.name) == ("repo-abcdefgh", "repo-abcdefgh-2")


def test_a_name_that_holds_others_counts_as_taken(repository: Path) -> None:
    """Git cannot have both ``coders/fix`` and ``coders/fix/it``."""
    git(repository, "branch", "coders/fix/it")
    assert prepare(repository, name="fix").branch == "coders/fix-0f8c1d2e"


@pytest.mark.parametrize("name", ["a..b", "x.lock", "dot.", "v1.0", "A_b-c"])
def test_every_session_name_gets_a_branch(repository: Path, name: str) -> None:
    """A name that git takes is used; one that it does not is passed over."""
    branch = prepare(repository, name=name).branch
    assert branch is not None
    assert git(repository, "check-ref-format", "--branch", branch) == branch
    assert (branch == f"coders/{name}") == (name in ("v1.0", "A_b-c"))


def test_the_branch_asked_for(repository: Path) -> None:
    """It is that and no other, without the prefix."""
    assert prepare(repository, branch="topic/mine").branch == "topic/mine"


@pytest.mark.parametrize(
    "ref",
    [
        "none",
        "-b",
        "--orphan",
        "",
        "HEAD\n",
        "HEAD~99",
        "a b",
        "$(x)",
        "'",
        "ü",
        "@{9}",
        "HEAD:kept",
    ],
)
def test_a_ref_that_is_none_is_refused(repository: Path, ref: str) -> None:
    """Unknown or hostile: one line, with the way out, and nothing left."""
    before = traces(repository)
    with pytest.raises(errors.WorkspaceError) as caught:
        prepare(repository, ref=ref)
    assert caught.value.hint
    assert str(caught.value).isprintable()
    assert_nothing_left(repository, before, repository.parent / "worktrees")


@pytest.mark.parametrize("branch", ["main", "-x", "a b", "a..b", "", "HEAD", "x\n", "main/below"])
def test_a_branch_that_cannot_be_made_is_refused(repository: Path, branch: str) -> None:
    """In use, illegal, or with another in its way: one line, and nothing left."""
    before = traces(repository)
    with pytest.raises(errors.WorkspaceError) as caught:
        prepare(repository, branch=branch)
    assert caught.value.hint
    assert str(caught.value).isprintable()
    assert_nothing_left(repository, before, repository.parent / "worktrees")


def test_a_branch_in_the_way_of_the_prefix_is_named(repository: Path) -> None:
    """A branch called just ``coders`` blocks all of ours, and the message says so."""
    git(repository, "branch", "coders")
    with pytest.raises(errors.WorkspaceError, match=r"the branch coders in .* is in the way"):
        prepare(repository)


def test_a_branch_that_is_checked_out_says_so(repository: Path) -> None:
    """In use is more than existing."""
    with pytest.raises(errors.WorkspaceError, match="checked out in a worktree"):
        prepare(repository, branch="main")


def test_no_repository_is_refused(tmp_path: Path) -> None:
    """A directory without a repository, and one that is not there."""
    with pytest.raises(errors.WorkspaceError, match="is not a git repository"):
        prepare(tmp_path)
    with pytest.raises(errors.WorkspaceError, match="does not exist"):
        prepare(tmp_path / "none")
    assert not (tmp_path.parent / "worktrees").exists()


def test_a_bare_repository_is_refused(repository: Path, tmp_path: Path) -> None:
    """So is git's own directory in an ordinary one."""
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    for place in (bare, repository / ".git"):
        with pytest.raises(errors.WorkspaceError, match="bare"):
            prepare(place, root=tmp_path / "w")


def test_an_empty_repository_is_refused(tmp_path: Path) -> None:
    """There is nothing to start from; the message says how to begin."""
    top = tmp_path / "empty"
    git(tmp_path, "init", "-q", str(top))
    with pytest.raises(errors.WorkspaceError, match="has no commit yet"):
        prepare(top)
    assert git(top, "for-each-ref") == ""


def test_a_repository_of_another_user_is_explained(tmp_path: Path, repository: Path) -> None:
    """Git's refusal to trust it becomes a line with the command that makes it."""
    if os.getuid() != 0:
        pytest.skip("giving a directory to another user needs root")
    os.chown(repository, 12345, 12345)
    os.chown(repository / ".git", 12345, 12345)
    with pytest.raises(errors.WorkspaceError, match="belongs to another user") as caught:
        prepare(repository)
    assert "safe.directory" in str(caught.value.hint)


def test_git_that_is_not_installed_is_said(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worktree needs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.WorkspaceError, match="git is not on"):
        prepare(repository)


def test_a_git_that_hangs_is_ended(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it started: a filter that hangs does not hold the worker."""
    (repository / ".gitattributes").write_text("* filter=slow\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "filtered")
    git(repository, "config", "filter.slow.smudge", "sleep 600")
    before = traces(repository)
    monkeypatch.setattr(our_git, "CHECKOUT", 0.5)
    with pytest.raises(errors.WorkspaceError, match=r"did not end in 0\.5 s"):
        prepare(repository)
    assert_nothing_left(repository, before, repository.parent / "worktrees")


def test_a_checkout_that_fails_leaves_nothing(repository: Path) -> None:
    """A required filter that breaks in the middle of it: no directory, entry or branch stays."""
    (repository / ".gitattributes").write_text("inner filter=broken\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "filtered")
    git(repository, "config", "filter.broken.smudge", "false")
    git(repository, "config", "filter.broken.required", "true")
    before = traces(repository)
    with pytest.raises(errors.WorkspaceError, match="git cannot work in"):
        prepare(repository)
    assert_nothing_left(repository, before, repository.parent / "worktrees")
    git(repository, "config", "filter.broken.smudge", "cat")
    assert prepare(repository).branch == "coders/0f8c1d2e"


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_said_and_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    """One line, and the repository is as it was."""
    (repository / "large").write_bytes(os.urandom(400_000))
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "large")
    before = traces(repository)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(disk)], timeout=10, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        with pytest.raises(errors.WorkspaceError) as caught:
            prepare(repository, root=disk / "worktrees")
        assert str(caught.value).isprintable()
        assert_nothing_left(repository, before, disk / "worktrees")
    finally:
        subprocess.run(["umount", str(disk)], timeout=10, check=True)


def test_a_root_that_cannot_be_made_is_said(repository: Path, tmp_path: Path) -> None:
    """A file where the worktrees should go."""
    (tmp_path / "file").write_text("")
    before = traces(repository)
    with pytest.raises(errors.WorkspaceError, match="cannot make a worktree in"):
        prepare(repository, root=tmp_path / "file" / "root")
    assert traces(repository) == before


@pytest.mark.parametrize(
    "name",
    ["a b", "it's", 'quo"te', "new\nline", "-dash", "ünïcödé", "$HOME", "`x`", "trailing ", "a;b",
     os.fsdecode(b"not-\xff-utf8"), "*", "\\back", "end\n", ".", "...x"],
)  # fmt: skip
def test_hostile_names_are_names(tmp_path: Path, name: str) -> None:
    """Repositories and roots may be called anything that a directory can be called."""
    parent = tmp_path / f"parent of {name}"
    repository = make_repository(parent / name)
    root = parent / f"root {name}"
    prepared = prepare(repository, root=root)
    assert prepared.root.parent == root.resolve()
    assert (prepared.root / "kept").exists()
    assert prepare(repository, root=root) == prepared
    (prepared.root / f"new {name}").write_text("x\n")
    result = workspace.conclude(prepared)
    assert (result.kept, result.uncommitted, result.diff.files) == (True, True, 1)
    (prepared.root / f"new {name}").unlink()
    assert not workspace.conclude(prepared).kept
    assert not prepared.root.exists()
    assert git(repository, "branch", "--list", "coders/*") == ""


def test_hooks_and_monitors_stay_asleep(repository: Path, tmp_path: Path) -> None:
    """Making and ending a worktree runs no program of the repository's choosing."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\n")
    trap.chmod(0o755)
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / hook).symlink_to(trap)
    git(repository, "config", "core.fsmonitor", str(trap))
    (tmp_path / "sprung").unlink(missing_ok=True)
    prepared = prepare(repository)
    assert not workspace.conclude(prepared).kept
    assert not (tmp_path / "sprung").exists()


def test_the_callers_git_environment_does_not_lead_astray(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker started from a git hook has variables that point at another repository."""
    other = make_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    prepared = prepare(repository)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert prepared.repository == repository
    assert traces(other)[1] == []


def test_the_workers_secrets_do_not_reach_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter of the repository's sees nothing of the worker's environment but what git needs."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    (repository / ".gitattributes").write_text("inner filter=spy\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "filtered")
    git(repository, "config", "filter.spy.smudge", f"sh -c 'env > {tmp_path}/env; cat'")
    prepare(repository)
    assert "PATH=" in (tmp_path / "env").read_text()
    assert "sk-secret" not in (tmp_path / "env").read_text()
