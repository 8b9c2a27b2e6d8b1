"""Claude Code from npm, for the tests: one directory a version, kept from run to run.

The directory is ``coders-tests/claude-code-VERSION`` under ``$XDG_CACHE_HOME`` or ``~/.cache``. It
appears under its name only when it is complete and has told its version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSION = "2.1.197"

_PACKAGE = "@anthropic-ai/claude-code"
_PROGRAM = "node_modules/.bin/claude"
_INSTALL_TIMEOUT = 600.0


class NotInstallable(Exception):
    """Why it cannot be had here."""


def cache_directory() -> Path:
    """Where installations are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "coders-tests"


def install(version: str = VERSION) -> Path:
    """The program's path, installing it when it is not there. Raises NotInstallable."""
    target = cache_directory() / f"claude-code-{version}"
    if (target / _PROGRAM).exists():
        return target / _PROGRAM
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstallable("npm is not installed (apt-get install npm)")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".installing-", dir=target.parent))
    try:
        _npm(npm, fresh, version)
        _check(fresh / _PROGRAM, version)
        try:
            fresh.rename(target)
        except OSError:
            # another run was first; a directory that is not empty is never replaced
            if not (target / _PROGRAM).exists():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target / _PROGRAM


def _npm(npm: str, prefix: Path, version: str) -> None:
    argv = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        f"--prefix={prefix}",
        f"{_PACKAGE}@{version}",
    ]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise NotInstallable(f"npm install took over {_INSTALL_TIMEOUT:g} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotInstallable(f"npm install {_PACKAGE}@{version} failed: {last}")


def _check(program: Path, version: str) -> None:
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=60
        )
    except OSError as error:
        raise NotInstallable(f"the installed claude does not run: {error}") from None
    if not done.stdout.startswith(version):
        raise NotInstallable(f"the installed claude says {done.stdout.strip()!r}, not {version}")
