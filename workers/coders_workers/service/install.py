"""Putting the stack into the hands of the machine's service manager, and taking it out again.

Owns where the files go and what the manager is told. A file is there whole or not at all; what the
manager refuses is told with the command, to be run by hand.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coders_queue import errors
from coders_queue.settings.paths import Paths, home
from coders_workers.service import environment, launchd, systemd

Manager = Literal["systemd", "systemd --system", "launchd"]

#: Where the system's own units go, and what is there only while systemd runs the machine.
_SYSTEM_UNITS = Path("/etc/systemd/system")
_BOOTED = Path("/run/systemd/system")
_TIMEOUT = 60.0

#: Runs a command and says how it ended: its exit code, and its last words.
Run = Callable[[list[str]], tuple[int, str]]


@dataclass(frozen=True)
class Service:
    """The service of one user, for one manager."""

    manager: Manager
    paths: Paths
    environ: Mapping[str, str]
    platform: str = sys.platform
    booted: Path = _BOOTED
    units: Path = _SYSTEM_UNITS

    @property
    def place(self) -> Path:
        """Where its file goes."""
        if self.manager == "launchd":
            return home(self.environ) / "Library" / "LaunchAgents" / f"{launchd.LABEL}.plist"
        if self.manager == "systemd --system":
            return self.units / systemd.UNIT
        config = Path(self.environ.get("XDG_CONFIG_HOME", ""))
        base = config if config.is_absolute() else home(self.environ) / ".config"
        return base / "systemd" / "user" / systemd.UNIT

    @property
    def text(self) -> str:
        """What is in it."""
        # the interpreter by the name it was called by: a virtual environment's link, not its target
        argv = [sys.executable, "-P", "-m", "coders_workers", "serve"]
        environ = environment.taken(self.environ)
        if self.manager == "launchd":
            return launchd.job(argv, environ, self.paths.logs / "service.out")
        return systemd.unit(argv, environ, self._user() if self._of_system else None)

    def show(self) -> dict[str, Any]:
        """The file as it would be, and where."""
        return {
            "manager": self.manager,
            "path": str(self.place),
            "installed": self.place.exists(),
            "text": self.text,
            "left_out": environment.left_out(self.environ),
        }

    def install(self, run: Run) -> dict[str, Any]:
        """Write the file and have it started, now and at every start of the machine.

        Raises SetupError where there is no such manager, before anything is written.
        """
        self._check()
        text = self.text
        new = not self.place.exists() or self.place.read_text() != text
        if new:
            self._write(text)
        return {**self.show(), "new": new, **_told(run, self._commands(on=True))}

    def remove(self, run: Run) -> dict[str, Any]:
        """Have it stopped and take the file away; sessions stay. Raises NotFound without one."""
        if not self.place.exists():
            raise errors.NotFound(
                f"there is no {self.place}", "nothing is installed; see: coders service show"
            )
        self._check()
        before = _told(run, self._commands(on=False))
        try:
            self.place.unlink()
        except OSError as error:
            raise errors.SetupError(
                f"cannot remove {self.place}: {error.strerror}", self._as_root()
            ) from None
        after = _told(run, self._commands_after())
        return {
            "manager": self.manager,
            "path": str(self.place),
            "done": before["done"] + after["done"],
            "to_do": before["to_do"] + after["to_do"],
        }

    @property
    def _of_system(self) -> bool:
        return self.manager == "systemd --system"

    def _check(self) -> None:
        if self.manager == "launchd":
            if self.platform != "darwin":
                raise errors.SetupError(
                    "launchd is macOS's, and this is not macOS",
                    "leave --launchd out; coders service show --launchd prints it anywhere",
                )
            return
        if self.platform == "darwin":
            raise errors.SetupError(
                "macOS has no systemd", "use launchd: coders service install --launchd"
            )
        if not self.booted.is_dir() or shutil.which("systemctl") is None:
            raise errors.SetupError(
                "this machine is not run by systemd (a container, perhaps)",
                "start it by what does run it, in the foreground: coders service run",
            )
        if self._of_system and os.geteuid() != 0:
            raise errors.SetupError("only root installs a system service", self._as_root())

    def _as_root(self) -> str:
        return "sudo coders service install --system, or leave --system out"

    def _user(self) -> str:
        """Who the system's service is run as: whoever called sudo."""
        caller = self.environ.get("SUDO_USER")
        return caller or pwd.getpwuid(os.geteuid()).pw_name

    def _commands(self, *, on: bool) -> list[list[str]]:
        if self.manager == "launchd":
            domain = f"gui/{os.getuid()}"
            if on:
                return [["launchctl", "bootstrap", domain, str(self.place)]]
            return [["launchctl", "bootout", f"{domain}/{launchd.LABEL}"]]
        if on:
            return [
                [*self._systemctl, "daemon-reload"],
                [*self._systemctl, "enable", "--now", systemd.UNIT],
            ]
        return [[*self._systemctl, "disable", "--now", systemd.UNIT]]

    def _commands_after(self) -> list[list[str]]:
        return [] if self.manager == "launchd" else [[*self._systemctl, "daemon-reload"]]

    @property
    def _systemctl(self) -> list[str]:
        return ["systemctl"] if self._of_system else ["systemctl", "--user"]

    def _write(self, text: str) -> None:
        place = self.place
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)
            new = Path(name)
            try:
                with os.fdopen(descriptor, "w") as stream:
                    stream.write(text)
                    stream.flush()
                    os.fsync(descriptor)
                new.chmod(0o644)
                new.replace(place)
            except BaseException:
                new.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise errors.SetupError(
                f"cannot write {place}: {error.strerror}", "free space or fix its permissions"
            ) from None


def run_command(argv: list[str]) -> tuple[int, str]:
    """Run it; its exit code and its last line."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    said = (done.stderr or done.stdout).strip().splitlines()
    return done.returncode, said[-1] if said else ""


def _told(run: Run, commands: list[list[str]]) -> dict[str, list[dict[str, str]]]:
    """Which commands were run, and which are still to be: from the first that failed on."""
    done: list[dict[str, str]] = []
    to_do: list[dict[str, str]] = []
    for argv in commands:
        line = " ".join(argv)
        if to_do:
            to_do.append({"command": line, "why": "the one before was not done"})
            continue
        code, said = run(argv)
        if code == 0:
            done.append({"command": line})
        else:
            to_do.append({"command": line, "why": said or f"it ended with {code}"})
    return {"done": done, "to_do": to_do}
