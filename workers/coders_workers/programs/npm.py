"""The one door to npm: what a registry has, and an installation into a directory.

Owns npm's command line, the little of the environment that its install scripts get to see, and the
meaning of its errors. Where installations lie is :mod:`coders_workers.programs.installs`'s.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.agents import versions
from coders_queue.agents.tool import NETWORK_ENV

#: A package's install scripts run with this, and no more: none of the user's keys.
_ENV = (
    *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "TMPDIR", "LANG", "LC_*", "XDG_*"),
    *("npm_config_*", "NPM_CONFIG_*", "NPM_TOKEN", "NODE_*", "NVM_*", *NETWORK_ENV),
)
#: What a question to the registry may take, seconds.
_ASKING = 60.0
#: How npm and Node spell that the registry cannot be reached.
_NETWORK = (
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"),
    *("EHOSTUNREACH", "EPIPE", "ERR_SOCKET_TIMEOUT", "ECONNABORTED", "EPROTO", "E5*", "FETCH_*"),
)
_NEAREST = 4


@dataclass(frozen=True)
class Published:
    """One version of a package, as the registry has it."""

    version: str
    integrity: str
    """The tarball's digest (SRI)."""
    tarball: str
    """Its address."""


class Npm:
    """npm on this machine."""

    def __init__(self, program: str, environ: Mapping[str, str], timeout: float) -> None:
        self._program = program
        self._timeout = timeout
        self._environ = environ

    @cached_property
    def _env(self) -> dict[str, str]:
        # not before it is needed: every spawn makes one of these
        return {
            name: value
            for name, value in self._environ.items()
            if any(fnmatchcase(name, pattern) for pattern in _ENV)
        }

    def published(self, package: str, version: str) -> Published:
        """What the registry says of that version. Raises InstallError."""
        asked = f"{package}@{version}"
        fields = ("name", "version", "dist.integrity", "dist.tarball")
        code, told, noise = self._run(("view", asked, *fields, "--json"), _ASKING)
        failure = _error(code, told, noise)
        if failure is not None and failure.code in ("E404", "ETARGET"):
            raise self._unknown(package, version)
        if failure is not None:
            raise failure.named(asked)
        if not isinstance(told, dict) or told.get("version") != version:
            # npm takes 1.2 for a range; two versions may fit it, or one that is called otherwise
            raise self._unknown(package, version)
        integrity, tarball = told.get("dist.integrity"), told.get("dist.tarball")
        if not isinstance(integrity, str) or not integrity:
            raise errors.InstallError(f"the registry has no digest of {asked}", _LOOK)
        return Published(version, integrity, tarball if isinstance(tarball, str) else "")

    def install(self, package: str, version: str, directory: Path) -> dict[str, Any]:
        """Install exactly that version into an empty directory; its lockfile. Raises InstallError.

        Should this process end, npm may go on: nothing may be made of what it leaves.
        """
        asked = f"{package}@{version}"
        options: tuple[str, ...] = ("--json", "--no-audit", "--no-fund", "--save-exact")
        options += ("--no-update-notifier",)
        # a user's npmrc may switch these
        options += ("--package-lock", "--no-global", "--include=optional", "--omit=dev")
        argv = ("install", *options, f"--prefix={directory}", asked)
        code, told, noise = self._run(argv, self._timeout, directory)
        failure = _error(code, told, noise)
        if failure is not None:
            raise failure.named(asked)
        try:
            lock: dict[str, Any] = json.loads((directory / "package-lock.json").read_bytes())
        except (OSError, ValueError) as error:
            raise errors.InstallError(
                f"npm installed {asked} without a lockfile that could be read: {error}", _LOOK
            ) from None
        return lock

    def _unknown(self, package: str, version: str) -> errors.InstallError:
        code, told, _ = self._run(("view", package, "versions", "--json"), _ASKING)
        known = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
        if code != 0 or not known:
            return errors.InstallError(
                f"the registry has no package {package}", "check npm's own configuration: npm ping"
            )
        near = ", ".join(nearest(version, known))
        return errors.InstallError(f"{package} has no version {version}", f"the nearest: {near}")

    def _run(
        self, words: tuple[str, ...], timeout: float, cwd: Path | None = None
    ) -> tuple[int, Any, str]:
        """Exit status, standard output as JSON (None when it is none), and the errors."""
        program = shutil.which(self._program, path=self._env.get("PATH"))
        if program is None:
            raise errors.InstallError(
                f"{self._program} is not on PATH, and agents' programs are installed with it",
                "install Node.js with npm, or set programs.npm",
            )
        try:
            process = subprocess.Popen(
                (program, *words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._env,
                cwd=cwd or "/",
                start_new_session=True,
            )
        except OSError as error:
            raise errors.InstallError(
                f"{program} does not run: {error.strerror}", "install Node.js with npm anew"
            ) from None
        _LIVE.add(process)
        with process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                _end(process)
                raise errors.InstallError(
                    f"npm {words[0]} took over {timeout:g} s and was stopped",
                    "check the network, or set programs.timeout",
                ) from None
            except BaseException:
                _end(process)
                raise
            finally:
                _LIVE.discard(process)
        return process.returncode, _json(out), err.decode("utf-8", "replace")


@dataclass(frozen=True)
class _Failure:
    """What npm says went wrong."""

    code: str
    summary: str

    def named(self, package: str) -> errors.InstallError:
        """The error a person gets."""
        head = f"{package} could not be installed"
        if self.code == "ENOSPC":
            return errors.InstallError(
                f"{head}: no space left on the disk", "free some: df -h; npm cache clean --force"
            )
        if self.code == "EINTEGRITY":
            return errors.InstallError(
                f"{head}: what came is not what the registry's digest is of",
                "try again; if it stays so, look into the proxy or mirror in between",
            )
        if any(fnmatchcase(self.code, pattern) for pattern in _NETWORK):
            return errors.InstallError(
                f"{head}: the registry cannot be reached ({self.code})",
                "check the network and npm's proxy: npm ping",
            )
        return errors.InstallError(f"{head}: {self.code}: {self.summary}", _LOOK)


#: What runs now: it ends with this process, unless this is killed.
_LIVE: set[subprocess.Popen[bytes]] = set()


@atexit.register
def _end_all() -> None:
    for process in list(_LIVE):
        _end(process)


_LOOK = "see what npm itself says: npm doctor"


def nearest(version: str, known: list[str]) -> list[str]:
    """A few versions around one that is not among them, lowest first."""
    wanted = versions.parse(version)
    parsed = [(at, text) for text in known if (at := versions.parse(text)) is not None]
    plain = sorted(pair for pair in parsed if not pair[0].pre) or sorted(parsed)
    if wanted is None:
        return [text for _, text in plain[-_NEAREST:]]
    older = sum(at < wanted for at, _ in plain)
    first = max(0, min(older - _NEAREST // 2, len(plain) - _NEAREST))
    return [text for _, text in plain[first : first + _NEAREST]]


def _error(code: int, told: Any, noise: str) -> _Failure | None:
    if code == 0:
        return None
    error = told.get("error") if isinstance(told, dict) else None
    if isinstance(error, dict):
        summary = " ".join(str(error.get("summary") or error.get("detail") or "").split())
        return _Failure(str(error.get("code") or "error"), summary[:300])
    if code < 0:
        return _Failure(f"npm was ended by {_signal(-code)}", "it broke off in the middle")
    said = [line.removeprefix("npm error ") for line in noise.splitlines() if "npm error" in line]
    spelled = next((line.split()[-1] for line in said if line.startswith("code ")), f"exit {code}")
    rest = [line for line in said if not line.startswith(("code ", "A complete log"))]
    return _Failure(spelled, (rest or noise.strip().splitlines() or ["no message"])[0][:300])


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """npm and what it started: it leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
