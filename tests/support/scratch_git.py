"""Git for tests: a configuration of its own, and repositories made on the spot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

CONFIG = "[user]\nname = Test\nemail = test@example.invalid\n[init]\ndefaultBranch = main\n"


def isolate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the machine's or the caller's git configuration reaches the test."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    config = tmp_path / "gitconfig"
    config.write_text(CONFIG)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


def git(directory: Path, *words: str) -> str:
    """What a git command prints, without the end of its last line."""
    done = subprocess.run(
        ["git", *words], cwd=directory, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return os.fsdecode(done.stdout.removesuffix(b"\n"))


def make_repository(top: Path) -> Path:
    """A repository with one commit: two files, one of them in a directory, and a .gitignore."""
    top.mkdir(parents=True)
    git(top, "init", "-q")
    (top / "kept").write_text("one\ntwo\n")
    (top / "sub").mkdir()
    (top / "sub" / "inner").write_text("x\n")
    (top / ".gitignore").write_text("ignored\n")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "start")
    return top


def traces(top: Path) -> tuple[str, list[str]]:
    """All refs, and the entries for worktrees: equal before and after when nothing is left."""
    entries = top / ".git" / "worktrees"
    listed = sorted(path.name for path in entries.iterdir()) if entries.exists() else []
    return git(top, "for-each-ref"), listed
