"""Who makes a merge commit: the user that git knows there, or else this project."""

from __future__ import annotations

from pathlib import Path

from coders_workers.workspace import git

_OURS = ("-c", "user.name=coders", "-c", "user.email=coders@localhost")


def of(directory: Path) -> tuple[str, ...]:
    """Options of git's for a commit there: none where it knows who commits."""
    try:
        git.run(directory, "var", "GIT_COMMITTER_IDENT")
        git.run(directory, "var", "GIT_AUTHOR_IDENT")
    except git.GitFailed:
        return _OURS
    return ()
