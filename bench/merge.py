"""Merges of a repository's own history, made again: does the git strategy give what git gives?

Each is made twice from its two parents: by the strategy in a worktree of its own, and by a plain
``git merge`` in a separate plain clone. Trees, conflicts entry by entry, and the text of every
file that conflicts have to be the same.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.result import Result
from bench.samples import summary
from coders_queue import errors
from coders_queue.merging.on_host import GitOptions
from coders_queue.merging.part import Part
from coders_queue.models.outcome import WorkspaceResult
from coders_workers.merging.git_merge import merge_in

ROUNDS, SHORT = 200, 8
#: The longest a git command may take, seconds.
_LIMIT = 300.0
_CONFIG = "[user]\nname = Bench\nemail = bench@example.invalid\n[gc]\nauto = 0\n"


def run(rounds: int, tell: Callable[[str], None], repository: Path | None = None) -> Result:
    """Make ``rounds`` merges again, spread evenly over the history of ``repository``."""
    if repository is None:
        raise errors.UsageError("merge needs a repository", "python -m bench merge REPOSITORY")
    directory = Path(tempfile.mkdtemp(prefix="coders-bench-"))
    before = {name: os.environ.get(name) for name in _isolation(directory)}
    try:
        (directory / "config").write_text(_CONFIG)
        os.environ.update(_isolation(directory))
        return _measure(rounds, tell, repository.resolve(), directory)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        shutil.rmtree(directory, ignore_errors=True)


def _isolation(directory: Path) -> dict[str, str]:
    return {"GIT_CONFIG_GLOBAL": str(directory / "config"), "GIT_CONFIG_NOSYSTEM": "1"}


def _measure(rounds: int, tell: Callable[[str], None], repository: Path, directory: Path) -> Result:
    plain, strategys = directory / "plain", directory / "strategys"
    for clone in (plain, strategys):
        _git(
            directory, "clone", "-q", "--no-checkout", "--no-hardlinks", str(repository), str(clone)
        )
    merges = _merges(plain, rounds)
    if not merges:
        raise errors.UsageError(f"{repository.name} has no merge that needs three versions")
    own = directory / "own"
    _git(strategys, "worktree", "add", "-q", "-b", "own", str(own), merges[0][0])
    result = Result(
        "merge",
        {
            "repository": repository.name,
            "head": _git(plain, "rev-parse", "HEAD"),
            "git": _git(plain, "version"),
            "merges": len(merges),
        },
    )
    different: list[dict[str, Any]] = []
    conflicting = files = 0
    times: dict[str, list[float]] = {"git": [], "strategy": []}
    for number, (ours, theirs) in enumerate(merges):
        expected = _by_git(plain, ours, theirs, times["git"])
        found = _by_strategy(own, ours, theirs, times["strategy"])
        conflicting += bool(expected["unmerged"])
        files += len(expected["files"])
        if found != expected:
            different.append({"ours": ours, "theirs": theirs})
        if number and number % 50 == 0:
            tell(f"{number} of {len(merges)} merges, {len(different)} differ")
    result.measured = {
        "merges": len(merges),
        "with_conflicts": conflicting,
        "files_in_conflict": files,
        "differences": different,
        "unit": "ms",
        **{f"{name}_ms": summary(samples) for name, samples in times.items()},
    }
    result.bar(
        f"three-way merges of {repository.name} that are not what `git merge` makes of them, "
        f"{conflicting} of {len(merges)} with conflicts",
        "0",
        str(len(different)),
        not different,
    )
    return result


def _merges(clone: Path, count: int) -> list[tuple[str, str]]:
    """Parents of merges in which both sides had moved, spread evenly over all of them."""
    listed = _git(
        clone, "rev-list", "--all", "--parents", "--min-parents=2", "--max-parents=2"
    ).splitlines()
    pairs = []
    for line in listed:
        _, ours, theirs = line.split()
        bases = _tried(clone, "merge-base", "--all", ours, theirs)[1].split()
        if bases and ours not in bases and theirs not in bases:
            pairs.append((ours, theirs))
    step = max(1.0, len(pairs) / count)
    return [pairs[int(number * step)] for number in range(min(count, len(pairs)))]


def _by_git(clone: Path, ours: str, theirs: str, times: list[float]) -> dict[str, Any]:
    _git(clone, "checkout", "-q", "--force", "--detach", ours)
    began = time.perf_counter()
    status, _ = _tried(clone, "merge", "--no-edit", theirs)
    times.append(1000 * (time.perf_counter() - began))
    made = _state(clone, merged=status == 0)
    _git(clone, "reset", "-q", "--hard")
    _git(clone, "clean", "-q", "-ffdx")
    return made


def _by_strategy(own: Path, ours: str, theirs: str, times: list[float]) -> dict[str, Any]:
    _git(own, "reset", "-q", "--hard", ours)
    _git(own, "clean", "-q", "-ffdx")
    part = Part(number=1, session="0", workspace=WorkspaceResult(path=str(own), head=theirs))
    began = time.perf_counter()
    made = merge_in(own, [part], GitOptions(conflicts="keep"))
    times.append(1000 * (time.perf_counter() - began))
    found = _state(own, merged=not made.merged["open"])
    told = {file["path"] for one in made.merged["conflicts"] for file in one["files"]}
    # what it tells is held against what is there, too
    if told != set(found["files"]) or (not told and found["tree"] != made.merged["tree"]):
        found["told"] = sorted(told)
    return found


def _state(top: Path, *, merged: bool) -> dict[str, Any]:
    """What a merge left: the tree, or the conflicts and the texts of what conflicts."""
    unmerged = _git(top, "ls-files", "--unmerged", "-z")
    paths = sorted({entry.partition("\t")[2] for entry in unmerged.split("\0") if entry})
    return {
        "tree": _git(top, "rev-parse", "HEAD^{tree}") if merged else None,
        # without conflicts the same as that tree; with them, what could be merged
        "index": _git(top, "ls-files", "--stage", "-z"),
        "unmerged": unmerged,
        "files": {path: _content(top / path) for path in paths},
    }


def _content(path: Path) -> str | None:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _git(directory: Path, *words: str) -> str:
    status, printed = _tried(directory, *words)
    if status != 0:
        raise errors.CodersError(f"git {words[0]} ended with status {status}")
    return printed


def _tried(directory: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["git", *words], cwd=directory, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE, timeout=_LIMIT, check=False,
    )  # fmt: skip
    return done.returncode, os.fsdecode(done.stdout).strip("\n")
