"""Installed versions of the agents' programs, side by side: ``<root>/<agent>/<version>/``.

A directory has its name only once all of it is there, its digest is the registry's and its program
has said its version; until then, and while it is removed, it is called something else. One at a
time installs or removes versions of an agent, whichever process it is in.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.agents import versions
from coders_queue.agents.adapter import Package
from coders_queue.models.base import Model
from coders_workers import dirlock
from coders_workers.programs.npm import Npm, Published
from coders_workers.programs.version import ASKING, Broken, ask

#: In an installation's directory: what it is.
INSTALLED = "installed.json"

#: What is under way, or was when it broke off.
_UNFINISHED = ".unfinished-"
#: A program just written is read from the disk at its first start, seconds.
_FIRST_START = 3 * ASKING
#: A turn may take two installations, seconds.
_TURN = 1200.0

Say = Callable[[str], None]


class Installed(Model):
    """One installed version."""

    agent: str
    version: str
    package: str
    program: str
    """The executable, absolute."""
    integrity: str
    """The package's digest (SRI): the registry's and that of what was unpacked."""
    tarball: str
    """Where it came from."""
    lock: dict[str, str]
    """Digests of everything that came with it, by place in the directory."""
    installed_at: float
    """Epoch seconds."""


class Installs:
    """The installations below one directory."""

    def __init__(self, root: Path, npm: Npm, path: str) -> None:
        self._root = root
        self._npm = npm
        self._path = path

    def find(self, agent: str, version: str) -> Installed | None:
        """That version, when it is there and whole."""
        if not versions.is_exact(version):
            return None
        directory = self._root / agent / version
        try:
            told = json.loads((directory / INSTALLED).read_bytes())
            # the state directory may have been moved
            program = directory / str(told["program"])
            found = Installed.model_validate({**told, "program": str(program)})
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return found if os.access(program, os.X_OK) else None

    def all(self, agent: str) -> list[Installed]:
        """The versions of an agent that are there, oldest version first."""
        try:
            entries = os.listdir(self._root / agent)  # noqa: PTH208 - names alone
        except OSError:
            return []
        names = [name for name in entries if versions.parse(name) is not None]
        ordered = sorted(names, key=versions.Version.parse)
        return [one for name in ordered if (one := self.find(agent, name)) is not None]

    def install(self, agent: str, package: Package, version: str, say: Say) -> Installed:
        """That version, installing it when it is not there. Raises InstallError."""
        if not versions.is_exact(version):
            raise errors.InstallError(
                f"{version!r:.80} is not one exact version of {agent}", "such as 2.1.197"
            )
        known = self.find(agent, version)
        if known is not None:
            return known
        try:
            with self._turn(agent):
                known = self.find(agent, version)  # another was first
                return known or self._install(agent, package, version, say)
        except OSError as error:
            raise errors.InstallError(
                f"{agent} {version} could not be installed below {self._root}: {error.strerror}",
                "check the disk: df -h",
            ) from None

    def remove(self, agent: str, version: str) -> bool:
        """Remove that version; False when it was not there."""
        if not versions.is_exact(version):
            return False
        directory = self._root / agent / version
        if not directory.is_dir():
            return False
        with self._turn(agent):
            if not directory.is_dir():
                return False
            doomed = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=directory.parent))
            directory.rename(doomed / version)
            shutil.rmtree(doomed, ignore_errors=True)
        return True

    @contextmanager
    def _turn(self, agent: str) -> Iterator[None]:
        directory = self._root / agent
        try:
            with dirlock.hold(directory, _TURN, make=True):
                # whoever made these is gone: it would hold the lock
                for left in directory.glob(f"{_UNFINISHED}*"):
                    shutil.rmtree(left, ignore_errors=True)
                yield
        except errors.TimedOut as error:
            raise errors.InstallError(error.message, error.hint) from None

    def _install(self, agent: str, package: Package, version: str, say: Say) -> Installed:
        if package.registry != "npm":
            raise errors.InstallError(
                f"{package.name} is on PyPI, and coders installs from npm alone",
                f"uv tool install {package.name}=={version}, or pipx install it",
            )
        say(f"installing {agent} {version}")
        published = self._npm.published(package.name, version)
        target = self._root / agent / version
        fresh = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target.parent))
        try:
            lock = _digests(self._npm.install(package.name, version, fresh))
            _check_digest(package.name, published, lock)
            self._check_program(fresh / package.program, agent, version)
            told = {
                "agent": agent,
                "version": version,
                "package": package.name,
                "program": package.program,
                "integrity": published.integrity,
                "tarball": published.tarball,
                "lock": lock,
                "installed_at": time.time(),
            }
            with (fresh / INSTALLED).open("w", encoding="utf-8") as file:
                json.dump(told, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():  # one that is not whole, or it would have been found
                shutil.rmtree(target)
            fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        found = self.find(agent, version)
        if found is None:
            raise errors.InstallError(f"{agent} {version} vanished from {target}", "try again")
        return found

    def _check_program(self, program: Path, agent: str, version: str) -> None:
        if not program.exists():
            raise errors.InstallError(f"{agent} {version} came without its program {program.name}")
        try:
            said = ask(program, self._path, _FIRST_START)
        except Broken as error:
            raise errors.InstallError(
                f"{agent} {version} was installed, but {program.name} {error}",
                "it may need a newer Node.js, or not exist for this kind of machine",
            ) from None
        if said != version:
            raise errors.InstallError(
                f"{agent} {version} was installed, but its program says it is {said}",
                "install the version that it is",
            )


def _digests(lock: dict[str, Any]) -> dict[str, str]:
    packages = lock.get("packages")
    if not isinstance(packages, dict):
        return {}
    return {
        place: str(about["integrity"])
        for place, about in packages.items()
        if isinstance(about, dict) and about.get("integrity")
    }


def _check_digest(package: str, published: Published, lock: dict[str, str]) -> None:
    unpacked = lock.get(f"node_modules/{package}")
    if unpacked != published.integrity:
        raise errors.InstallError(
            f"{package}@{published.version}: what npm unpacked ({unpacked or 'no digest'}) is not "
            f"what the registry lists ({published.integrity})",
            "try again; if it stays so, look into npm's cache and mirror: npm cache verify",
        )
