"""The options of the strategies that need a machine, and what they make: ``best`` and ``git``.

They are carried out in :mod:`coders_workers.merging`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from coders_queue.merging.strategy import Options
from coders_queue.models.base import Model


class BestOptions(Options):
    """The options of ``best``."""

    rest: ClassVar[str | None] = "check"

    check: tuple[str, ...] = Field(min_length=1)
    """The command that judges a part, run in its workspace, with the part's answer in the file that
    `CODERS_PART` names. The words after `--`."""
    score: Literal["number", "status"] = "number"
    """What is its score: the last number that it prints, when it ends with status 0; or whether it
    does, 1 or 0."""
    prefer: Literal["highest", "lowest"] = "highest"
    """Which score is best. Of equal ones the first part's is."""
    timeout: float = Field(default=600.0, gt=0, le=24 * 3600, allow_inf_nan=False)
    """Seconds that the command may take for a part."""


class Score(Model):
    """How a part was judged."""

    part: int
    session: str | None
    score: float


class Best(Model):
    """What ``best`` makes of the parts."""

    part: int
    """The best one's place among the parts, from 1."""
    session: str | None
    score: float
    value: Any
    """Its answer."""
    path: str | None
    """Its workspace, where that was kept."""
    branch: str | None
    head: str | None
    scores: tuple[Score, ...]
    """All that were judged, best first."""


class GitOptions(Options):
    """The options of ``git``."""

    how: Literal["each", "octopus"] = "each"
    """One merge after the other, or one of all branches together."""
    conflicts: Literal["report", "keep", "ours", "theirs"] = "report"
    """What becomes of a conflict. `report`: that part is left out, and the merge fails in the end;
    what could be merged is on the branch. `keep`: the worktree stays as git left it, for an agent
    to go on in, and the parts behind it wait. `ours`, `theirs`: what was there before, or what the
    part brings, wins, in the places that conflict alone."""
    uncommitted: Literal["refuse", "commit", "ignore"] = "refuse"
    """What becomes of work in a part's worktree that no commit holds. The part is left out; or the
    work is merged as a commit on top of its branch, which stays as it is; or nobody looks at it."""
    message: str = Field(default="Merge {branch} (session {label})", min_length=1)
    """The message of each merge: `{branch}`, `{label}` (the session's short id) and `{number}`."""

    @model_validator(mode="after")
    def _octopus_only_reports(self) -> GitOptions:
        if self.how == "octopus" and self.conflicts != "report":
            raise ValueError("an octopus can only report conflicts: it is made whole or not at all")
        return self


class ConflictFile(Model):
    """A file that git could not merge."""

    path: str
    kind: str
    """`both modified`, `both added`, `deleted by us`, `deleted by them`, ..., as `git status` says
    it: "us" is what was merged before."""


class Conflict(Model):
    """A part that conflicts."""

    part: int | None
    """Its place among the parts, from 1; None where git does not say whose it is."""
    session: str | None
    branch: str | None
    files: tuple[ConflictFile, ...]
    said: tuple[str, ...] = ()
    """What git said of them."""
    settled: Literal["ours", "theirs"] | None = None
    """How it was decided, when it was."""


class MergedBranch(Model):
    """A part that was merged."""

    part: int
    session: str | None
    branch: str | None
    commit: str
    """What of it was merged."""
    how: Literal["merged", "already there"]


class GitMerge(Model):
    """What ``git`` makes of the parts."""

    path: str
    """The worktree it was done in. As any session's, it is gone afterwards unless it holds what no
    commit does: a conflict that was kept."""
    branch: str | None
    """Its branch, which holds what was merged."""
    base: str
    """The commit that it started from."""
    head: str
    """The commit it came to."""
    tree: str
    """The tree of that commit."""
    branches: tuple[MergedBranch, ...]
    conflicts: tuple[Conflict, ...]
    open: bool
    """Whether the worktree holds a merge with conflicts, to be gone on with."""
    waiting: tuple[int, ...] = ()
    """Parts that were not tried, since a conflict is open."""
