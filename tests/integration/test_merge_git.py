"""The strategies that need a machine, on real repositories: git merges, check commands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coders_queue.merging.on_host import BestOptions, GitOptions
from coders_queue.merging.part import Part
from coders_queue.merging.strategy import Merge, MergeFailed
from coders_queue.models.outcome import WorkspaceResult
from coders_workers.merging.best import BestOf
from coders_workers.merging.git_merge import GitMerging, merge_in
from support.scratch_git import git, isolate, make_repository, traces

BASE = "".join(f"{number}\n" for number in range(20))


class Room:
    """A repository, a branch for each part, and a worktree in which they are merged."""

    def __init__(self, directory: Path) -> None:
        self.top = make_repository(directory / "repository")
        (self.top / "numbers").write_text(BASE)
        git(self.top, "add", ".")
        git(self.top, "commit", "-q", "-m", "numbers")
        self.base = git(self.top, "rev-parse", "HEAD")
        self.place = directory / "place"
        self.place.mkdir()
        self.own = directory / "own"
        git(self.top, "worktree", "add", "-q", "-b", "merged", str(self.own), "HEAD")
        self.parts: list[Part] = []

    def part(
        self, change: Callable[[Path], object], *, commit: bool = True, keep: bool = True
    ) -> Part:
        """A part that does so in a worktree of its own."""
        number = len(self.parts) + 1
        tree = self.top.parent / f"part-{number}"
        git(self.top, "worktree", "add", "-q", "-b", f"coders/{number}", str(tree), self.base)
        change(tree)
        if commit:
            git(tree, "add", "-A")
            git(tree, "commit", "-q", "-m", f"part {number}")
        head = git(tree, "rev-parse", "HEAD")
        if not keep:
            git(self.top, "worktree", "remove", str(tree))
        left = WorkspaceResult(
            path=str(tree), kept=keep, branch=f"coders/{number}", base=self.base, head=head,
            uncommitted=not commit,
        )  # fmt: skip
        self.parts.append(Part(number=number, session=f"{number:08d}-x", workspace=left, host="h"))
        return self.parts[-1]

    def merge(self, **options: Any) -> Merge:
        """What comes of it."""
        return merge_in(self.own, self.parts, GitOptions(**options))


def line(number: int, text: str) -> Callable[[Path], object]:
    """Writes another text into a line of the file."""
    changed = BASE.splitlines(keepends=True)
    changed[number] = f"{text}\n"
    return lambda tree: (tree / "numbers").write_text("".join(changed))


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    isolate(tmp_path, monkeypatch)
    return Room(tmp_path)


def test_branches_are_merged_one_after_the_other(room: Room) -> None:
    """All changes are on the worktree's branch; checkout and other branches are untouched."""
    room.part(line(1, "one"))
    room.part(line(10, "ten"), keep=False)
    room.part(lambda tree: (tree / "new").write_text("new\n"))
    others = [git(room.top, "rev-parse", name) for name in ("main", "coders/1", "coders/2")]
    status = git(room.top, "status", "--porcelain")
    made = room.merge()
    assert made.problem is None
    assert [one["how"] for one in made.merged["branches"]] == ["merged"] * 3
    assert (made.merged["branch"], made.merged["open"]) == ("merged", False)
    text = (room.own / "numbers").read_text()
    assert "one\n" in text
    assert "ten\n" in text
    assert (room.own / "new").exists()
    assert git(room.own, "log", "-1", "--format=%s") == "Merge coders/3 (session 00000003)"
    assert [git(room.top, "rev-parse", name) for name in ("main", "coders/1", "coders/2")] == others
    assert git(room.top, "status", "--porcelain") == status
    again = room.merge()
    assert [one["how"] for one in again.merged["branches"]] == ["already there"] * 3
    assert again.merged["tree"] == made.merged["tree"]


def test_a_conflict_is_reported_and_the_rest_merged(room: Room) -> None:
    """With its files, its kind and git's own words; the branch holds what went together."""
    room.part(line(1, "one"))
    room.part(line(1, "uno"))
    room.part(line(10, "ten"))
    made = room.merge()
    assert made.problem == "conflicts in coders/2: numbers"
    (conflict,) = made.merged["conflicts"]
    assert conflict["files"] == [{"path": "numbers", "kind": "both modified"}]
    assert conflict["said"] == ["CONFLICT (content): Merge conflict in numbers"]
    assert [one.part for one in made.left_out] == [2]
    assert [one["part"] for one in made.merged["branches"]] == [1, 3]
    assert git(room.own, "status", "--porcelain") == ""
    assert "uno" not in (room.own / "numbers").read_text()


def test_a_conflict_can_be_kept_for_an_agent(room: Room) -> None:
    """The worktree is as git left it, marked with the branch's name; what is behind it waits."""
    room.part(line(1, "one"))
    room.part(line(1, "uno"))
    room.part(line(10, "ten"))
    made = room.merge(conflicts="keep")
    assert (made.problem, made.merged["open"], made.merged["waiting"]) == (None, True, [3])
    assert [one.part for one in made.left_out] == [3]
    assert ">>>>>>> coders/2\n" in (room.own / "numbers").read_text()
    assert git(room.own, "rev-parse", "MERGE_HEAD") == git(room.top, "rev-parse", "coders/2")


@pytest.mark.parametrize(("side", "expected"), [("ours", "one"), ("theirs", "uno")])
def test_one_side_can_win(room: Room, side: str, expected: str) -> None:
    """In the places that conflict alone, and every such place is told."""
    room.part(line(1, "one"))

    def both(tree: Path) -> None:
        line(1, "uno")(tree)
        text = (tree / "numbers").read_text()
        (tree / "numbers").write_text(text.replace("15\n", "fifteen\n"))

    room.part(both)
    made = room.merge(conflicts=side)
    assert made.problem is None
    assert made.merged["conflicts"][0]["settled"] == side
    lines = (room.own / "numbers").read_text().splitlines()
    assert (lines[1], lines[15]) == (expected, "fifteen")
    assert git(room.own, "status", "--porcelain") == ""


@pytest.mark.parametrize(("side", "there"), [("ours", True), ("theirs", False)])
def test_a_side_wins_where_a_file_is_gone(room: Room, side: str, there: bool) -> None:
    """What git's own options leave open is decided file by file."""
    room.part(line(1, "one"))
    room.part(lambda tree: (tree / "numbers").unlink())
    made = room.merge(conflicts=side)
    assert made.problem is None
    assert made.merged["conflicts"][0]["files"][0]["kind"] == "deleted by them"
    assert (room.own / "numbers").exists() is there


def test_what_no_side_can_have_is_reported(room: Room) -> None:
    """A file in the way of a directory: nobody is asked to guess."""

    def file(tree: Path) -> None:
        (tree / "thing").write_text("a file\n")

    def directory(tree: Path) -> None:
        (tree / "thing").mkdir()
        (tree / "thing" / "inner").write_text("in a directory\n")

    room.part(file)
    room.part(directory)
    made = room.merge(conflicts="theirs")
    assert made.problem is not None
    assert made.problem.startswith("conflicts in coders/2")
    assert made.merged["conflicts"][0]["settled"] is None
    assert git(room.own, "status", "--porcelain") == ""


def test_an_octopus_has_all_or_nothing(room: Room) -> None:
    """One commit with every branch as a parent; a conflict says whose it is; no trace is left."""
    room.part(line(1, "one"))
    room.part(line(10, "ten"))
    made = room.merge(how="octopus")
    assert made.problem is None
    parents = git(room.own, "log", "-1", "--format=%P").split()
    assert {git(room.top, "rev-parse", f"coders/{number}") for number in (1, 2)} <= set(parents)
    git(room.own, "reset", "-q", "--hard", room.base)
    room.part(line(1, "uno"))
    failed = room.merge(how="octopus")
    assert failed.problem == "conflicts in coders/3: numbers"
    assert git(room.own, "rev-parse", "HEAD") == room.base
    assert git(room.own, "status", "--porcelain") == ""


def test_work_that_no_commit_holds_is_not_passed_over(room: Room) -> None:
    """It leaves its part out; or is taken along as a commit, with nothing of the part's touched."""
    room.part(line(1, "one"), commit=False)
    room.part(line(10, "ten"))
    made = room.merge()
    assert [one.part for one in made.left_out] == [1]
    assert "that no commit holds" in str(made.problem)
    tree = Path(str(room.parts[0].workspace.path))  # type: ignore[union-attr]
    before = git(tree, "status", "--porcelain"), traces(room.top)
    taken = room.merge(uncommitted="commit")
    assert taken.problem is None
    assert "one\n" in (room.own / "numbers").read_text()
    git(room.own, "reset", "-q", "--hard", room.base)
    assert (git(tree, "status", "--porcelain"), traces(room.top)[1]) == (before[0], before[1][1])
    assert git(room.top, "rev-parse", "coders/1") == room.base
    ignored = room.merge(uncommitted="ignore")
    assert ignored.problem is None
    assert "one\n" not in (room.own / "numbers").read_text()


def test_a_checkout_of_somebodys_is_no_parts_own(room: Room) -> None:
    """What is not committed in the repository's main checkout is nobody's to take."""
    (room.top / "mine").write_text("do not touch\n")
    left = WorkspaceResult(path=str(room.top), branch="main", head=room.base, uncommitted=True)
    room.parts.append(Part(number=1, session="0", workspace=left))
    with pytest.raises(MergeFailed, match="no worktree of its own"):
        room.merge(uncommitted="commit")


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (None, "left no commit"),
        ({"head": "f" * 40}, "of another repository"),
        ({"head": "--output=/tmp/x"}, "of another repository"),
        ({"head": "HEAD"}, "of another repository"),
    ],
)
def test_a_part_with_nothing_to_merge_says_why(room: Room, left: Any, says: str) -> None:
    """Whatever it claims to have left."""
    workspace = None if left is None else WorkspaceResult(path="/", **left)
    room.parts.append(Part(number=1, session="0", workspace=workspace, host="h"))
    with pytest.raises(MergeFailed, match=says):
        room.merge()


def test_a_merge_that_was_killed_is_begun_anew(room: Room) -> None:
    """What a killed attempt left in the worktree does not stop the next."""
    room.part(line(1, "one"))
    room.part(line(1, "uno"))
    room.merge(conflicts="keep")
    Path(git(room.own, "rev-parse", "--absolute-git-dir"), "index.lock").touch()
    made = room.merge()
    assert made.problem == "conflicts in coders/2: numbers"
    assert git(room.own, "status", "--porcelain") == ""


def test_it_asks_nobody_and_needs_nobodys_name(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks do not run, nothing is signed, and a user whom git does not know is no obstacle."""
    room.part(line(1, "one"))
    config = tmp_path / "bare-config"
    config.write_text(
        "[user]\nuseConfigOnly = true\n[commit]\ngpgSign = true\n[merge]\nff = only\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    hook = room.top / ".git" / "hooks" / "post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    assert room.merge().problem is None
    assert git(room.own, "log", "-1", "--format=%an") == "coders"
    assert not (tmp_path / "hooked").exists()


def best(room: Room, *check: str, **options: Any) -> Merge:
    """What the check thinks of the parts."""
    os.chdir(room.own)
    return BestOf().merge(room.parts, BestOptions(check=check, **options), room.place)


@pytest.fixture
def back_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(".")  # and back at the end


@pytest.mark.usefixtures("back_again")
class TestBest:
    def test_the_best_score_wins(self, room: Room) -> None:
        """Judged where the work is, or in a copy when its worktree is gone; no trace is left."""
        room.part(line(1, "5"))
        room.part(line(1, "777"), keep=False)
        room.part(line(1, "22"))
        before = traces(room.top)
        made = best(room, "sed", "-n", "2p", "numbers")
        assert (made.merged["part"], made.merged["score"]) == (2, 777.0)
        assert [one["part"] for one in made.merged["scores"]] == [2, 3, 1]
        assert (made.merged["branch"], made.merged["path"]) == ("coders/2", None)
        lowest = best(room, "sed", "-n", "2p", "numbers", prefer="lowest")
        assert lowest.merged["part"] == 1
        assert traces(room.top) == before
        assert list(room.place.iterdir()) == [room.place / "part.json"]

    def test_the_status_can_be_the_score(self, room: Room) -> None:
        """The first that passes."""
        room.part(line(1, "no"))
        room.part(line(1, "yes"))
        made = best(room, "grep", "-q", "yes", "numbers", score="status")
        assert (made.merged["part"], made.merged["score"]) == (2, 1.0)

    def test_a_check_that_fails_or_hangs_leaves_its_part_out(self, room: Room) -> None:
        """With the cause."""
        for text in ("exit 3", "echo none", "sleep 60", "echo 4"):
            room.part(line(0, text))
        made = best(room, "sh", "-c", 'eval "$(head -n1 numbers)"', timeout=1)
        assert made.merged["part"] == 4
        assert [one.cause for one in made.left_out] == [
            "the check ended with status 3",
            "the check printed no number",
            "the check took over 1 s",
        ]

    def test_the_answer_is_there_to_be_judged(self, room: Room) -> None:
        """In the file that CODERS_PART names."""
        room.part(line(0, "x"))
        room.parts[0] = room.parts[0].model_copy(update={"value": {"score": 42}})
        made = best(room, "sh", "-c", 'grep -o "score[^}]*" "$CODERS_PART"', timeout=20)
        assert made.merged["score"] == 42

    @pytest.mark.parametrize("check", [("/no/such/program",), ("numbers",)])
    def test_a_check_that_cannot_run_is_one_clear_line(
        self, room: Room, check: tuple[str, ...]
    ) -> None:
        """It is nobody's fault but the request's."""
        room.part(line(0, "x"))
        with pytest.raises(MergeFailed, match="cannot be run"):
            best(room, *check)

    def test_parts_in_one_directory_cannot_be_told_apart(self, room: Room) -> None:
        """So it does not pretend to."""
        room.part(line(0, "x"))
        room.parts.append(room.parts[0].model_copy(update={"number": 2}))
        with pytest.raises(MergeFailed, match="share the workspace"):
            best(room, "true")


@pytest.mark.usefixtures("back_again")
def test_outside_of_a_repository_it_says_so(room: Room, tmp_path: Path) -> None:
    """One line, git's own reason explained."""
    room.part(line(0, "x"))
    os.chdir(tmp_path)
    with pytest.raises(MergeFailed, match="not a git repository"):
        GitMerging().merge(room.parts, GitOptions(), room.place)


def test_a_file_name_that_is_no_utf8_is_told(room: Room) -> None:
    """Byte for byte, as JSON can carry it."""
    name = os.fsdecode(b"caf\xe9")
    for text in ("one", "two"):
        room.part(lambda tree, text=text: (tree / name).write_text(text))
    made = room.merge(conflicts="theirs")
    assert made.merged["conflicts"][0]["files"] == [{"path": name, "kind": "both added"}]
    assert (room.own / name).read_text() == "two"
    assert json.loads(json.dumps(made.merged)) == made.merged
