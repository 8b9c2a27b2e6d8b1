"""The size of a change, work that no commit holds included.

Only looks.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from coders_queue.models.outcome import DiffStat
from coders_workers.workspace import git

#: How much of new files is read to count their lines, bytes; what is beyond adds no lines.
_READ = 64 * 1024 * 1024
#: As git: a NUL in that many first bytes makes a file binary, and it has no lines then.
_BINARY = 8000
_DIFF = ("diff", "--shortstat", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-relative")


def between(directory: Path, old: str | None, new: str) -> DiffStat:
    """From one commit to another; None is the time before the first."""
    return _parse(git.run(directory, *_DIFF, old or _nothing(directory), new, "--"))


def since(top: Path, base: str | None) -> DiffStat:
    """From a commit to the files as they are, with each untracked file counted as one added."""
    stat = _parse(git.run(top, *_DIFF, base or _nothing(top), "--"))
    files, insertions, budget = stat.files, stat.insertions, _READ
    for name in git.records(top, "ls-files", "--others", "--exclude-standard", "-z"):
        lines, read = _lines(top / name, budget)
        files, insertions, budget = files + 1, insertions + lines, budget - read
    return DiffStat(files=files, insertions=insertions, deletions=stat.deletions)


def _nothing(directory: Path) -> str:
    # the empty tree; its name depends on the repository's kind of hash
    return git.line(directory, "hash-object", "-t", "tree", "--stdin")


def _parse(printed: bytes) -> DiffStat:
    text = printed.decode("ascii", "replace")

    def count(what: str) -> int:
        found = re.search(rf"(\d+) {what}", text)
        return int(found[1]) if found else 0

    return DiffStat(files=count("file"), insertions=count("insertion"), deletions=count("deletion"))


def _lines(path: Path, budget: int) -> tuple[int, int]:
    """The lines of a new file, and how many bytes were read for that."""
    try:
        if path.is_symlink():
            return 1, 0  # its target, which git stores as a line without an end
        if budget <= 0 or not stat.S_ISREG(path.stat().st_mode):
            return 0, 0
        with path.open("rb") as stream:
            data = stream.read(min(_BINARY, budget))
            if b"\0" in data:
                return 0, len(data)
            lines, read, last = 0, 0, b""
            while data:
                lines, read, last = lines + data.count(b"\n"), read + len(data), data
                data = stream.read(min(1024 * 1024, max(0, budget - read)))
    except OSError:
        return 0, 0
    return lines + (not last.endswith(b"\n") and bool(last)), read
