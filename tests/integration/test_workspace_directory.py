"""A session in an existing directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.models.outcome import DiffStat
from coders_queue.models.spec import DirectoryWorkspace
from coders_workers import workspace
from coders_workers.workspace import Prepared
from support.scratch_git import git, isolate, make_repository

ID = "0f8c1d2e-aaaa-bbbb-cccc-121212121212"


@pytest.fixture(autouse=True)
def _scratch_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")


def prepare(path: Path | str, tmp_path: Path) -> Prepared:
    return workspace.prepare(
        # not validated: the host looks again at what a store of another version may hold
        DirectoryWorkspace.model_construct(path=str(path)),
        session_id=ID,
        attempt=1,
        name=None,
        worktrees_root=tmp_path / "worktrees",
        branch_prefix="coders/",
    )


def test_a_plain_directory_is_used_as_it_is(tmp_path: Path) -> None:
    """No repository, no facts about one; nothing is made and nothing is removed."""
    place = tmp_path / "a dir\nwith 'quotes' $HOME ü"
    place.mkdir()
    prepared = prepare(place, tmp_path)
    assert prepared == Prepared(session_id=ID, cwd=place, root=place)
    result = workspace.conclude(prepared)
    assert (result.path, result.kept, result.branch, result.commits) == (str(place), True, None, ())
    assert not result.uncommitted
    assert not (tmp_path / "worktrees").exists()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("relative", "not an absolute path"),
        ("/none/such", "does not exist"),
        ("/etc/passwd", "is not a directory"),
        ("/etc/passwd/x", "does not exist"),
        ("/" + "x" * 5000, "cannot be looked at"),
        ("/nul\0byte", "cannot be looked at"),
        ("/new\nline", "does not exist"),
    ],
)
def test_what_is_no_directory_is_refused(tmp_path: Path, path: str, says: str) -> None:
    """One line that says what is wrong and what to do."""
    with pytest.raises(errors.WorkspaceError, match=says) as caught:
        prepare(path, tmp_path)
    assert caught.value.hint
    assert str(caught.value).isprintable()


def test_a_directory_that_may_not_be_entered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the user that lacks the permission."""
    place = tmp_path / "closed"
    place.mkdir(mode=0o000)
    if os.getuid() == 0:  # root may go anywhere
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(errors.WorkspaceError, match="may not enter"):
        prepare(place, tmp_path)


@pytest.mark.parametrize("name", ["plain", "new\nline", "end\n", " ", "-dash", "ü 'x' $HOME"])
def test_a_repository_may_be_called_anything(tmp_path: Path, name: str) -> None:
    """Its top, branch and commit are read right whatever is in its path."""
    top = make_repository(tmp_path / name)
    (top / "HEAD").write_text("a file of that name")
    prepared = prepare(top / "sub", tmp_path)
    assert (prepared.root, prepared.branch) == (top, "main")
    assert prepared.base == git(top, "rev-parse", "HEAD", "--")[:40]
    assert workspace.conclude(prepared).diff.files == 1


def test_gits_own_directory_is_a_plain_one(repository: Path, tmp_path: Path) -> None:
    """Inside of ``.git`` there are no files of the repository to tell of."""
    assert prepare(repository / ".git" / "refs", tmp_path).repository is None


def test_work_in_a_repository_is_counted(repository: Path, tmp_path: Path) -> None:
    """Commits since the start, and the change since: committed, changed, staged and new files."""
    prepared = prepare(repository, tmp_path)
    base = git(repository, "rev-parse", "HEAD")
    assert (prepared.repository, prepared.branch, prepared.base) == (repository, "main", base)
    (repository / "kept").write_text("one\n2\n")
    git(repository, "commit", "-q", "-a", "-m", "change")
    (repository / "staged").write_text("a\nb\n")
    git(repository, "add", "staged")
    (repository / "new 'file'\n$x").write_text("a\nb\nno end")
    (repository / "binary").write_bytes(b"\0\n\n\n")
    (repository / "link").symlink_to("nowhere")
    (repository / "ignored").write_text("x\n")
    result = workspace.conclude(prepared)
    head = git(repository, "rev-parse", "HEAD")
    assert (result.head, result.commits, result.uncommitted) == (head, (head,), True)
    assert result.diff == DiffStat(files=5, insertions=1 + 2 + 3 + 0 + 1, deletions=1)
    assert (result.branch, result.base, result.kept) == ("main", base, True)


def test_a_directory_below_the_top_tells_of_the_whole_repository(
    repository: Path, tmp_path: Path
) -> None:
    """The agent runs where it was told; its work anywhere in the repository counts."""
    below = repository / "below"
    below.mkdir()
    prepared = prepare(below, tmp_path)
    assert (prepared.cwd, prepared.repository) == (below, repository)
    (repository / "new").write_text("x\n")
    result = workspace.conclude(prepared)
    assert result.path == str(below)
    assert result.diff == DiffStat(files=1, insertions=1)


def test_a_repository_without_commits_counts_from_nothing(tmp_path: Path) -> None:
    """All that the agent commits is new."""
    top = tmp_path / "empty"
    git(tmp_path, "init", "-q", str(top))
    prepared = prepare(top, tmp_path)
    assert (prepared.branch, prepared.base) == ("main", None)
    assert workspace.conclude(prepared).commits == ()
    (top / "first").write_text("1\n2\n")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    result = workspace.conclude(prepared)
    assert result.commits == (git(top, "rev-parse", "HEAD"),)
    assert result.diff == DiffStat(files=1, insertions=2)


def test_a_detached_head_has_no_branch(repository: Path, tmp_path: Path) -> None:
    """Commits made on it are still told."""
    git(repository, "checkout", "-q", "--detach")
    prepared = prepare(repository, tmp_path)
    git(repository, "commit", "-q", "--allow-empty", "-m", "more")
    result = workspace.conclude(prepared)
    assert (prepared.branch, result.branch, len(result.commits)) == (None, None, 1)


def test_a_broken_repository_is_no_obstacle(tmp_path: Path) -> None:
    """Nobody asked for git here: the session runs, and its result says nothing of commits."""
    place = tmp_path / "odd"
    place.mkdir()
    (place / ".git").write_text("gitdir: /none/such\n")
    prepared = prepare(place, tmp_path)
    assert prepared.repository is None
    assert workspace.conclude(prepared).kept


def test_git_that_is_not_installed_is_no_obstacle(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory needs no git."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prepare(repository, tmp_path).repository is None


def test_a_directory_the_agent_removed_is_told(tmp_path: Path) -> None:
    """It is not there any more, and that is no error."""
    place = tmp_path / "gone"
    place.mkdir()
    prepared = prepare(place, tmp_path)
    place.rmdir()
    assert not workspace.conclude(prepared).kept


def test_a_repository_broken_by_the_agent_is_told_as_uncertain(
    repository: Path, tmp_path: Path
) -> None:
    """What git cannot tell any more is left open, and the result asks to be looked at."""
    prepared = prepare(repository, tmp_path)
    (repository / ".git" / "HEAD").write_text("garbage")
    result = workspace.conclude(prepared)
    assert (result.kept, result.head, result.commits, result.uncommitted) == (True, None, (), True)


def test_looking_takes_no_lock_and_runs_nothing_of_the_repository(
    repository: Path, tmp_path: Path
) -> None:
    """Monitors, external diff tools and pagers stay asleep; another git's lock is no harm."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "core.editor"):
        git(repository, "config", key, str(trap))
    prepared = prepare(repository, tmp_path)
    (repository / "kept").write_text("changed\n")
    (repository / ".git" / "index.lock").write_text("")
    result = workspace.conclude(prepared)
    assert result.diff == DiffStat(files=1, insertions=1, deletions=2)
    assert not (tmp_path / "sprung").exists()


def test_facts_outlive_the_worker(tmp_path: Path) -> None:
    """What is remembered comes back whole, names that are not UTF-8 included."""
    prepared = Prepared(
        session_id=ID,
        cwd=Path("/a/\udcff\n'b"),
        root=Path("/a"),
        repository=Path("/r"),
        branch="coders/x",
        base="0" * 40,
        is_worktree=True,
    )
    assert workspace.recall(tmp_path) is None
    workspace.remember(tmp_path, prepared)
    assert workspace.recall(tmp_path) == prepared
    assert (tmp_path / "workspace.json").stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.glob("*workspace*"))) == 1
    for garbage in ("", "{", "[]", "{}", '{"cwd": 1}'):
        (tmp_path / "workspace.json").write_text(garbage)
        assert workspace.recall(tmp_path) is None


def test_a_second_start_does_not_move_the_base(repository: Path, tmp_path: Path) -> None:
    """Work that the agent did before the worker restarted still counts as the session's."""
    facts = tmp_path / "facts"
    facts.mkdir()
    workspace.remember(facts, prepare(repository, tmp_path))
    git(repository, "commit", "-q", "--allow-empty", "-m", "work")
    workspace.remember(facts, prepare(repository, tmp_path))
    recalled = workspace.recall(facts)
    assert recalled is not None
    assert len(workspace.conclude(recalled).commits) == 1
