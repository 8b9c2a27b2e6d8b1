"""``git``: the parts' branches, merged by git itself, in the session's own worktree.

What git does there it does as ever: its strategy, its attributes, its drivers, its settings. Only
that nobody is asked, nothing is signed, no hook runs and no earlier resolution is taken up, so that
the same commits give the same merge. The repository's other worktrees and branches stay untouched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from coders_queue import errors
from coders_queue.merging.on_host import Conflict, GitMerge, GitOptions, MergedBranch
from coders_queue.merging.part import Part
from coders_queue.merging.strategy import LeftOut, Merge, MergeFailed, Needs, Options, plain
from coders_workers.merging import identity, index, uncommitted
from coders_workers.workspace import git, repository

_AS_SAID = ("-c", "rerere.enabled=false", "-c", "merge.verifySignatures=false")
_MERGE = ("merge", "--no-ff", "--no-edit", "--no-gpg-sign", "--no-stat", "--no-squash", "--commit")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_TRIED = re.compile(r"^Trying simple merge with (.+)$", re.MULTILINE)
#: How many conflicting files a failure names.
_NAMED = 5


@dataclass(frozen=True)
class _Branch:
    """What of a part is to be merged."""

    part: Part
    commit: str
    name: str
    """What git is to call it: the branch where it stands at the commit, else the commit."""

    @property
    def of(self) -> str | None:
        """The branch that the part names."""
        return None if self.part.workspace is None else self.part.workspace.branch


@dataclass
class _Done:
    """How far it has come."""

    merged: list[MergedBranch] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    open: bool = False


class GitMerging:
    """Merges branches."""

    name = "git"
    about = "the parts' branches, merged by git"
    options: type[Options] = GitOptions
    needs: Needs = "worktree"

    def merge(self, parts: Sequence[Part], options: GitOptions, place: Path) -> Merge:
        """Merge in the process' own directory."""
        try:
            return merge_in(repository.find(Path.cwd()).top, parts, options)
        except git.GitFailed as failure:
            raise MergeFailed(f"git: {failure.reason}") from None
        except errors.WorkspaceError as error:
            raise MergeFailed(str(error)) from None


def merge_in(top: Path, parts: Sequence[Part], options: GitOptions) -> Merge:
    """Merge in a worktree of the merge's own. Raises MergeFailed, GitFailed, WorkspaceError."""
    _begin_anew(top)
    base = git.line(top, "rev-parse", "HEAD")
    done = _Done()
    branches = []
    for part in parts:
        try:
            branches.append(_branch(top, part, options))
        except errors.WorkspaceError as error:
            done.left_out.append(LeftOut.of(part, error.message))
    if not branches:
        raise MergeFailed(f"no part has a branch to merge: {done.left_out[0].cause}")
    who = identity.of(top)
    if options.how == "octopus":
        _octopus(top, branches, options, who, done)
    else:
        for number, branch in enumerate(branches):
            if done.open:
                done.waiting += [one.part.number for one in branches[number:]]
                done.left_out += [
                    LeftOut.of(one.part, "it waits: a conflict is open")
                    for one in branches[number:]
                ]
                break
            _one(top, branch, options, who, done)
    made = GitMerge(
        path=str(top),
        branch=repository.branch(top),
        base=base,
        head=git.line(top, "rev-parse", "HEAD"),
        tree=git.line(top, "rev-parse", "HEAD^{tree}"),
        branches=tuple(done.merged),
        conflicts=tuple(done.conflicts),
        open=done.open,
        waiting=tuple(done.waiting),
    )
    return Merge(
        merged=plain(made),
        left_out=tuple(done.left_out),
        problem=None if done.open else _problem(done),
    )


def _begin_anew(top: Path) -> None:
    """An attempt before may have been killed amid a merge: the worktree is the merge's alone."""
    own = repository.find(top).own
    (own / "index.lock").unlink(missing_ok=True)
    if os.path.lexists(own / "MERGE_HEAD"):
        _abort(top)


def _branch(top: Path, part: Part, options: GitOptions) -> _Branch:
    left = part.workspace
    if left is None or left.head is None:
        raise errors.WorkspaceError("it left no commit: it ran in no git repository")
    commit = left.head
    if not _COMMIT.fullmatch(commit) or repository.commit(top, commit) != commit:
        where = f" on {part.host}" if part.host is not None else ""
        raise errors.WorkspaceError(
            f"its commit {commit[:12]}{where} is of another repository than {git.shown(top)}"
        )
    if left.uncommitted and options.uncommitted == "refuse":
        raise errors.WorkspaceError(
            f"it left work in {git.shown(left.path)} that no commit holds (commit it there, or say "
            "--uncommitted commit or ignore)"
        )
    if left.uncommitted and options.uncommitted == "commit":
        try:
            commit = uncommitted.commit(part, left, commit)
        except git.GitFailed as failure:
            raise errors.WorkspaceError(
                f"what it did not commit cannot be taken along: {failure.reason}"
            ) from None
    branch = left.branch
    # by its name where nothing else can be meant, so that conflicts are marked with it
    named = branch is not None and not branch.startswith("-") and branch.isprintable()
    if branch is not None and named and repository.commit(top, branch) == commit:
        return _Branch(part, commit, branch)
    return _Branch(part, commit, commit)


def _one(
    top: Path, branch: _Branch, options: GitOptions, who: tuple[str, ...], done: _Done
) -> None:
    before = git.line(top, "rev-parse", "HEAD")
    words = (*who, *_AS_SAID, *_MERGE, "-m", _message(branch, options))
    try:
        git.run(top, *words, "--", branch.name, timeout=git.CHECKOUT)
    except git.GitFailed as failure:
        conflicts = index.unmerged(top)
        if not conflicts:
            _abort(top)
            done.left_out.append(LeftOut.of(branch.part, f"git cannot merge it: {failure.reason}"))
            return
        side = options.conflicts if options.conflicts in ("ours", "theirs") else None
        settled = side if side is not None and _settled(top, branch, words, side) else None
        done.conflicts.append(
            Conflict(
                part=branch.part.number,
                session=branch.part.session,
                branch=branch.of,
                files=index.files(conflicts),
                said=index.said(failure.printed),
                settled=settled,
            )
        )
        if settled is not None:
            done.merged.append(_merged(branch, "merged"))
        elif options.conflicts == "keep":
            done.open = True
        else:
            _abort(top)
            done.left_out.append(LeftOut.of(branch.part, "it conflicts"))
        return
    same = git.line(top, "rev-parse", "HEAD") == before
    done.merged.append(_merged(branch, "already there" if same else "merged"))


def _settled(
    top: Path, branch: _Branch, words: tuple[str, ...], side: Literal["ours", "theirs"]
) -> bool:
    """Merge anew with one side winning: whether every conflict could be decided so.

    What was in conflict is known by now, which git does not tell of those that it decides itself.
    """
    _abort(top)
    try:
        git.run(top, *words, "-X", side, "--", branch.name, timeout=git.CHECKOUT)
    except git.GitFailed:
        try:
            if not index.settle(top, side):
                return False
            who = words[: words.index("merge")]
            quietly = ("--no-edit", "--no-gpg-sign", "--quiet")
            git.run(top, *who, "commit", *quietly, timeout=git.CHECKOUT)
        except git.GitFailed:
            return False
    return True


def _octopus(
    top: Path,
    branches: Sequence[_Branch],
    options: GitOptions,
    who: tuple[str, ...],
    done: _Done,
) -> None:
    labels = ", ".join(one.part.label for one in branches)
    message = f"Merge {len(branches)} sessions: {labels}"
    words = (*who, *_AS_SAID, *_MERGE, "-m", message)
    try:
        git.run(top, *words, "--", *(one.name for one in branches), timeout=git.CHECKOUT)
    except git.GitFailed as failure:
        conflicts = index.unmerged(top)
        text = failure.printed.decode("utf-8", "replace")
        _abort(top)
        tried = _TRIED.findall(text)
        whose = next((one for one in branches if tried and one.name == tried[-1]), None)
        done.conflicts.append(
            Conflict(
                part=None if whose is None else whose.part.number,
                session=None if whose is None else whose.part.session,
                branch=None if whose is None else whose.of,
                files=index.files(conflicts),
                said=tuple(git.shown(line) for line in text.splitlines()[-5:] if line),
            )
        )
        done.left_out += [LeftOut.of(one.part, "the octopus conflicts") for one in branches]
        return
    done.merged += [_merged(one, "merged") for one in branches]


def _abort(top: Path) -> None:
    """Back to before the merge; there may be none under way."""
    git.run(top, "reset", "--hard", "--quiet", "HEAD", timeout=git.CHECKOUT)


def _message(branch: _Branch, options: GitOptions) -> str:
    text = options.message.replace("{number}", str(branch.part.number))
    text = text.replace("{label}", branch.part.label)
    return text.replace("{branch}", branch.of or branch.commit[:12])


def _merged(branch: _Branch, how: Literal["merged", "already there"]) -> MergedBranch:
    return MergedBranch(
        part=branch.part.number,
        session=branch.part.session,
        branch=branch.of,
        commit=branch.commit,
        how=how,
    )


def _problem(done: _Done) -> str | None:
    open_ones = [one for one in done.conflicts if one.settled is None]
    if open_ones:
        first = open_ones[0]
        paths = [git.shown(file.path) for file in first.files]
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        whose = first.branch or (f"part {first.part}" if first.part else "the octopus")
        others = f" (and {len(open_ones) - 1} other parts conflict)" if len(open_ones) > 1 else ""
        return f"conflicts in {whose}: {', '.join(paths[:_NAMED])}{more}{others}"
    if done.left_out:
        return f"not all could be merged: part {done.left_out[0].part}: {done.left_out[0].cause}"
    return None
