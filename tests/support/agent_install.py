"""The agents' programs from npm, for the tests: one directory a version, kept from run to run.

The directory is ``coders-tests/TOOL-VERSION`` under ``$XDG_CACHE_HOME`` or ``~/.cache``. It appears
under its name only when it is complete and its program has told its version.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

#: The npm package of each tool.
PACKAGES = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
    "opencode": "opencode-ai",
    "qwen": "@qwen-code/qwen-code",
}
#: The version of each that tests use when they do not care.
DEFAULTS = {
    "claude": "2.1.197",
    "codex": "0.169.0",
    "gemini": "0.61.0",
    "opencode": "1.18.33",
    "qwen": "0.15.10",
}

_INSTALL_TIMEOUT = 600.0
_VERSION_TIMEOUT = 60.0


class NotInstallable(Exception):
    """Why it cannot be had here."""


def cache_directory() -> Path:
    """Where installations are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "coders-tests"


def install(tool: str, version: str | None = None) -> Path:
    """The program's path, installing it when it is not there. Raises NotInstallable.

    A version that is not given is the tool's in ``DEFAULTS``.
    """
    version = version or DEFAULTS[tool]
    target = cache_directory() / f"{tool}-{version}"
    program = Path("node_modules/.bin", tool)
    if (target / program).exists():
        return target / program
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstallable("npm is not installed (apt-get install npm)")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".installing-", dir=target.parent))
    try:
        _npm(npm, fresh, f"{PACKAGES[tool]}@{version}")
        _check(fresh / program, version)
        try:
            fresh.rename(target)
        except OSError:
            # another run was first; a directory that is not empty is never replaced
            if not (target / program).exists():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target / program


def _npm(npm: str, prefix: Path, package: str) -> None:
    argv = [npm, "install", "--json", "--no-audit", "--no-fund", f"--prefix={prefix}", package]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise NotInstallable(f"npm install took over {_INSTALL_TIMEOUT:g} s") from None
    if done.returncode != 0:
        why = _why(done.stdout, done.stderr)
        raise NotInstallable(f"npm install {package} failed: {why}")


def _why(stdout: str, stderr: str) -> str:
    """What npm names as the error: its last line is only where the log of the run is."""
    try:
        error = json.loads(stdout)["error"]
        return f"{error['code']}: {error['summary']}"
    except (ValueError, LookupError, TypeError):
        told = [line for line in stderr.splitlines() if line.startswith("npm error")]
        return "; ".join(told[:2]) or stderr.strip()[-200:] or "no message"


def _check(program: Path, version: str) -> None:
    with tempfile.TemporaryDirectory(prefix="coders-tests-home-") as home:
        env = {"HOME": home, "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(
                [str(program), "--version"],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_VERSION_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstallable(f"the installed {program.name} does not run: {error}") from None
    if version not in done.stdout.split():
        raise NotInstallable(
            f"the installed {program.name} says {done.stdout.strip()!r}, not {version}"
        )
