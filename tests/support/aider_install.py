"""The real aider from PyPI, for the tests, in a virtual environment kept from run to run.

It lies beside the agents from npm (:mod:`support.agent_install`). An environment cannot be moved:
it is made where it stays, under a lock, and marked when its program has told its version.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.agent_install import NotInstallable, cache_directory

VERSION = "0.86.2"

#: The Pythons that this version installs on.
_PYTHONS = ((3, 10), (3, 13))
_TIMEOUT = 600.0
_VERSION_TIMEOUT = 60.0


def install() -> Path:
    """The program's path, installing it when it is not there. Raises NotInstallable."""
    target = cache_directory() / f"aider-{VERSION}"
    program, mark = target / "bin/aider", target / "complete"
    if mark.exists():
        return program
    if not _PYTHONS[0] <= sys.version_info[:2] < _PYTHONS[1]:
        raise NotInstallable(f"aider {VERSION} needs a Python from 3.10 to 3.12")
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".aider.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists():
            return program
        shutil.rmtree(target, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(target)])
        pip = [str(target / "bin/python"), "-m", "pip", "install", "--quiet"]
        _run([*pip, f"aider-chat=={VERSION}"])
        _check(program)
        mark.touch()
    return program


def _run(argv: list[str]) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise NotInstallable(f"{' '.join(argv[1:4])} took over {_TIMEOUT:g} s") from None
    if done.returncode != 0:
        why = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise NotInstallable(f"{' '.join(argv[1:4])} failed: {why[0]}")


def _check(program: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="coders-tests-home-") as home:
        env = {"HOME": home, "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(
                [str(program), "--version"],
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_VERSION_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstallable(f"the installed aider does not run: {error}") from None
    if VERSION not in done.stdout.split():
        raise NotInstallable(f"the installed aider says {done.stdout.strip()!r}, not {VERSION}")
