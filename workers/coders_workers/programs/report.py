"""What is here of an agent, told to a person or a program: versions, pins, whether it answers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.agents import registry, versions
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.login import LOGINS
from coders_queue.settings import pins
from coders_queue.settings.paths import Paths, home
from coders_queue.settings.pins import Pin
from coders_queue.settings.schema import Settings
from coders_workers.programs.locate import Program, Programs, find_program
from coders_workers.programs.version import Broken, ask


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    check: str
    ok: bool
    found: str
    fix: str | None = None


class Report:
    """Looks at the agents as a session in a directory would find them."""

    def __init__(
        self, settings: Settings, paths: Paths, environ: Mapping[str, str], cwd: Path
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._path = environ.get("PATH", "")
        self._cwd = cwd
        self._programs = Programs(settings, paths, environ)

    def listing(self) -> list[dict[str, Any]]:
        """Each agent: what is on PATH, pinned, installed, tested, and what would run."""
        pinned = pins.in_force(self._cwd, self._environ, self._settings.programs.pins)
        return [self._about(registry.get(name), pinned.get(name)) for name in registry.names()]

    def check(self, agent: str, version: str | None) -> list[dict[str, Any]]:
        """Whether it can be run: its program, version, answer and login."""
        adapter = registry.get(agent)
        return [asdict(one) for one in self._checks(adapter, version)]

    def _about(self, adapter: Adapter, pin: Pin | None) -> dict[str, Any]:
        name = self._settings.agent(adapter.name).program or adapter.program
        path = version = None
        if name is not None:
            try:
                path = find_program(name, self._path, self._cwd, adapter.name)
            except errors.MissingBinary:
                pass
            else:
                version = self._programs.version_of(adapter, Path(path), self._path)
        try:
            runs = self._programs.locate(
                adapter, pin.version if pin else None, self._path, self._cwd
            )
        except errors.MissingBinary:
            runs = None
        return {
            "name": adapter.name,
            "modes": list(adapter.modes),
            "program": name,
            "path": path,
            "version": version,
            "pinned": {"version": pin.version, "from": pin.where} if pin else None,
            "installed": [one.version for one in self._programs.installs.all(adapter.name)],
            "tested": list(adapter.tested),
            "runs": {"version": runs.version, "path": runs.path} if runs else None,
            "note": self._note(adapter, pin, runs) if name is not None else None,
        }

    def _note(self, adapter: Adapter, pin: Pin | None, runs: Program | None) -> str | None:
        if runs is not None:
            return "untested" if runs.warning else None
        if pin is None or adapter.package is None:
            return "missing"
        return "installed when needed" if self._settings.programs.install else "pinned, missing"

    def _checks(self, adapter: Adapter, version: str | None) -> Iterator[Check]:
        if version is None and adapter.package is not None:
            pin = pins.resolve(adapter.name, self._cwd, self._environ, self._settings.programs.pins)
            if pin is not None:
                version = pin.version
                yield Check("pin", ok=True, found=f"{version}, from {pin.where}")
        try:
            program = self._programs.locate(adapter, version, self._path, self._cwd)
        except errors.MissingBinary as error:
            yield Check("program", ok=False, found=error.message, fix=error.hint)
            program = None
        else:
            if program is None:
                yield Check("program", ok=True, found="the command that the request names")
                return
            yield Check("program", ok=True, found=program.path)
            yield self._version(adapter, program)
            if adapter.version_argv:
                yield self._answers(adapter, program)
        yield from self._login(adapter)

    def _version(self, adapter: Adapter, program: Program) -> Check:
        if program.warning is not None:
            return Check("version", ok=True, found=program.warning)
        tested = ", tested" if program.version in adapter.tested else ""
        return Check("version", ok=True, found=f"{program.version or 'not told'}{tested}")

    def _answers(self, adapter: Adapter, program: Program) -> Check:
        started = time.monotonic()
        try:
            said = ask(Path(program.path), self._path, words=adapter.version_argv)
        except Broken as error:
            how = " ".join((program.path, *adapter.version_argv))
            return Check("answers", ok=False, found=f"it {error}", fix=f"see what it says: {how}")
        return Check(
            "answers", ok=True, found=f"says {said} after {time.monotonic() - started:.1f} s"
        )

    def _login(self, adapter: Adapter) -> Iterator[Check]:
        login = LOGINS.get(adapter.name)
        if login is None:
            return
        environ = {**self._environ, **self._settings.agent(adapter.name).env}
        names = login.variables(environ)
        places = login.places(environ, str(home(self._environ)))
        names += [place for place in places if os.access(place, os.R_OK)]
        if names:
            yield Check("login", ok=True, found=", ".join(names))
        else:
            yield Check("login", ok=False, found="no login and no key found", fix=login.how)


def tested_newest(adapter: Adapter) -> str | None:
    """The newest version that was tested."""
    return max(adapter.tested, key=versions.Version.parse, default=None)
