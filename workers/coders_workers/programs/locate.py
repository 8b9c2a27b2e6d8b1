"""Finding the program that a session is to run, at the version it wants."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coders_queue import errors
from coders_queue.agents import versions
from coders_queue.agents.adapter import Adapter
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers.programs.installs import Installs, Say
from coders_workers.programs.npm import Npm
from coders_workers.programs.version import Asked, of_package

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Program:
    """An executable that is there."""

    path: str
    version: str | None
    """None when it does not tell."""
    warning: str | None = None
    """What is to be said of that version, one line."""


class Absent(errors.MissingBinary):
    """The version that is wanted is not here, but could be installed."""


class Programs:
    """The agents' programs on this machine."""

    def __init__(self, settings: Settings, paths: Paths, environ: Mapping[str, str]) -> None:
        root = paths.state / "agents"
        programs = settings.programs
        path = environ.get("PATH", _DEFAULT_PATH)
        self.installs = Installs(root, Npm(programs.npm, environ, programs.timeout), path)
        self._settings = settings
        self._asked = Asked(root / ".versions")

    def locate(self, adapter: Adapter, wanted: str | None, path: str, cwd: Path) -> Program | None:
        """The tool's own program; None for a tool whose program the request names.

        The installation of exactly the version wanted, else the program on ``path`` if it is that
        version. Without a version: the program on ``path``, else the newest one installed. Raises
        MissingBinary; Absent when installing it would help.
        """
        name = self._settings.agent(adapter.name).program or adapter.program
        if name is None:
            if wanted is not None:
                raise errors.MissingBinary(
                    f"{adapter.name} has no versions", f"leave @{wanted} out"
                )
            return None
        if wanted is not None:
            return self._exactly(adapter, name, wanted, path, cwd)
        try:
            found = find_program(name, path, cwd, adapter.name)
        except errors.MissingBinary as error:
            installed = self.installs.all(adapter.name)
            if not installed or "/" in name:
                raise _with_hint(adapter, error) from None
            return _program(adapter, installed[-1].program, installed[-1].version)
        return _program(adapter, found, self.version_of(adapter, Path(found), path))

    def provide(
        self, adapter: Adapter, wanted: str | None, path: str, cwd: Path, say: Say
    ) -> Program | None:
        """:meth:`locate`, installing what is wanted where the settings let it.

        Raises InstallError too.
        """
        try:
            return self.locate(adapter, wanted, path, cwd)
        except Absent:
            if wanted is None or adapter.package is None or not self._settings.programs.install:
                raise
        installed = self.installs.install(adapter.name, adapter.package, wanted, say)
        return _program(adapter, installed.program, installed.version)

    def version_of(self, adapter: Adapter, program: Path, path: str) -> str | None:
        """The version of a program that is the tool's."""
        if not adapter.version_argv:
            return None
        known = of_package(program, adapter.package.name) if adapter.package is not None else None
        return known or self._asked.version(program, path, adapter.version_argv)

    def _exactly(
        self, adapter: Adapter, name: str, wanted: str, path: str, cwd: Path
    ) -> Program | None:
        installed = self.installs.find(adapter.name, wanted)
        if installed is not None:
            return _program(adapter, installed.program, wanted)
        try:
            found = find_program(name, path, cwd, adapter.name)
        except errors.MissingBinary as error:
            there = error.message
        else:
            version = self.version_of(adapter, Path(found), path)
            if version == wanted:
                return _program(adapter, found, version)
            there = f"{found} is {version or 'of an unknown version'}"
        message = f"{adapter.name} {wanted} is not installed here: {there}"
        if adapter.package is None:
            raise errors.MissingBinary(message, f"install that version, or leave @{wanted} out")
        if not versions.is_exact(wanted):
            example = adapter.tested[-1] if adapter.tested else "1.2.3"
            raise errors.MissingBinary(
                f"{wanted!r:.80} is not one exact version of {adapter.name}",
                f"write it as {adapter.name}@{example}",
            )
        raise Absent(message, f"coders agents install {adapter.name}@{wanted}")


def find_program(program: str, path: str, cwd: Path, agent: str) -> str:
    """The executable's path. Raises MissingBinary saying where it was looked for."""
    if "/" in program:
        full = program if program.startswith("/") else str(cwd / program)
        if not Path(full).exists():
            raise errors.MissingBinary(f"{agent}: there is no program {full}", "check the path")
        if Path(full).is_dir() or not os.access(full, os.X_OK):
            raise errors.MissingBinary(
                f"{agent}: {full} is not an executable file", "check the path, or chmod +x it"
            )
        return full
    found = shutil.which(program, path=path)
    if found is None:
        raise errors.MissingBinary(
            f"{agent}: no program {program!r} on PATH ({path})",
            f"install it, or give its path: agents.{agent}.program in the configuration",
        )
    return found if found.startswith("/") else str(cwd / found)


def _program(adapter: Adapter, path: str, version: str | None) -> Program:
    return Program(path, version, versions.untested(adapter.name, version, adapter.tested))


def _with_hint(adapter: Adapter, error: errors.MissingBinary) -> errors.MissingBinary:
    if adapter.package is None or not adapter.tested or "no program" not in error.message:
        return error
    newest = max(adapter.tested, key=versions.Version.parse)
    return errors.MissingBinary(
        error.message, f"coders agents install {adapter.name}@{newest}, or {error.hint}"
    )
