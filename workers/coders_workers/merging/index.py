"""What the index of a worktree says of a merge that is under way: the files that conflict.

Looks, and settles conflicts for one side; merges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from coders_queue.merging.on_host import ConflictFile
from coders_workers.workspace import git

#: What git calls a file by the stages that its index has of it: 1 the common ancestor's, 2 ours, 3
#: theirs.
_KINDS = {
    (1,): "both deleted",
    (2,): "added by us",
    (3,): "added by them",
    (1, 2): "deleted by them",
    (1, 3): "deleted by us",
    (2, 3): "both added",
    (1, 2, 3): "both modified",
}
_STAGE = {"ours": 2, "theirs": 3}
_SAID = re.compile(r"^(?:CONFLICT|warning|error)\b.*", re.MULTILINE)
#: How many lines of what git said are kept.
_LINES = 50


def unmerged(directory: Path) -> dict[str, dict[int, str]]:
    """The files that conflict: path to stage to mode and object."""
    found: dict[str, dict[int, str]] = {}
    for record in git.records(directory, "ls-files", "--unmerged", "-z", "--full-name"):
        about, _, path = record.partition("\t")
        mode, name, stage = about.split(" ")
        found.setdefault(path, {})[int(stage)] = f"{mode} {name}"
    return found


def files(conflicts: Mapping[str, Mapping[int, str]]) -> tuple[ConflictFile, ...]:
    """The same for a person."""
    return tuple(
        ConflictFile(path=path, kind=_KINDS[tuple(sorted(stages))])
        for path, stages in sorted(conflicts.items())
    )


def said(printed: bytes) -> tuple[str, ...]:
    """What git said of a merge that it could not make, a line each."""
    lines = _SAID.findall(printed.decode("utf-8", "replace"))
    return tuple(git.shown(line) for line in lines[:_LINES])


def settle(directory: Path, side: Literal["ours", "theirs"]) -> bool:
    """Let one side have every file that conflicts; whether each of them could be decided so.

    Where a file is in the way of a directory, git puts it beside under another name, which is
    nobody's: that is left to be told.
    """
    conflicts = unmerged(directory)
    if any(set(stages) <= {2} or set(stages) <= {3} for stages in conflicts.values()):
        return False
    wanted = _STAGE[side]
    for path, stages in conflicts.items():
        if wanted in stages:
            git.run(directory, "checkout", f"--{side}", "--", f":(top,literal){path}")
            git.run(directory, "add", "--force", "--", f":(top,literal){path}")
        else:
            git.run(directory, "rm", "--quiet", "--force", "--", f":(top,literal){path}")
    return not unmerged(directory)
