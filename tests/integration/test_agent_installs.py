"""Versions side by side: installing them, and every way that an installation ends badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import Package
from coders_workers.programs.installs import Installed, Installs
from coders_workers.programs.npm import Npm, nearest
from support.fake_npm import PACKAGE, FakeNpm

CLAUDE = Package(name=PACKAGE, program="node_modules/.bin/claude")


@pytest.fixture
def npm(tmp_path: Path) -> FakeNpm:
    """npm, with three versions in its registry."""
    return FakeNpm(tmp_path / "bin", ("2.1.196", "2.1.197", "2.2.0"))


class Room:
    """Installations below a directory of the test's own."""

    def __init__(self, root: Path, npm: FakeNpm) -> None:
        self.root = root
        self.npm = npm

    def installs(self, timeout: float = 30.0, program: str | None = None) -> Installs:
        door = Npm(program or str(self.npm.program), os.environ, timeout)
        return Installs(self.root, door, os.environ["PATH"])

    def install(self, version: str = "2.1.197", **options: float) -> Installed:
        return self.installs(**options).install("claude", CLAUDE, version, lambda _what: None)

    def fails(self, version: str = "2.1.197", **options: float) -> errors.InstallError:
        """The error of an installation after which nothing is there."""
        with pytest.raises(errors.InstallError) as caught:
            self.install(version, **options)
        assert self.installs().all("claude") == []
        assert self.left() == []
        return caught.value

    def left(self) -> list[str]:
        directory = self.root / "claude"
        return sorted(path.name for path in directory.glob("*"))


@pytest.fixture
def room(tmp_path: Path, npm: FakeNpm) -> Room:
    return Room(tmp_path / "agents", npm)


def test_versions_lie_side_by_side(room: Room) -> None:
    """Each is found under its own version, with its digest; a second request installs nothing."""
    for version in ("2.2.0", "2.1.197"):
        done = room.install(version)
        assert done.integrity == f"sha512-{version}"
        said = subprocess.run([done.program, "--version"], capture_output=True, text=True)
        assert said.stdout == f"{version} (Claude Code)\n"
    assert [one.version for one in room.installs().all("claude")] == ["2.1.197", "2.2.0"]
    assert room.install("2.2.0") == room.installs().find("claude", "2.2.0")
    assert room.npm.calls("install") == 2
    assert room.installs().remove("claude", "2.2.0")
    assert not room.installs().remove("claude", "2.2.0")
    assert room.left() == ["2.1.197"]


def test_a_version_that_does_not_exist(room: Room) -> None:
    """It is named, with the nearest that do."""
    error = room.fails("2.1.198")
    assert error.message == f"{PACKAGE} has no version 2.1.198"
    assert error.hint == "the nearest: 2.1.196, 2.1.197, 2.2.0"
    assert room.npm.calls("install") == 0


@pytest.mark.parametrize("version", ["latest", "^2.1", "2.1 || 3", "../2.1", "2.1.197/../x", ""])
def test_what_is_no_exact_version(version: str, room: Room) -> None:
    """A tag, a range and a path are refused before npm is asked; nothing is found by them."""
    assert "not one exact version" in room.fails(version).message
    assert room.installs().find("claude", version) is None
    assert not room.installs().remove("claude", version)
    assert room.npm.calls("view") == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("offline", "the registry cannot be reached (ENOTFOUND)"),
        ("ENOSPC", "no space left on the disk"),
        ("EINTEGRITY", "what came is not what the registry's digest is of"),
        ("EACCES", "EACCES: as the test wants"),
        ("killed", "npm was ended by SIGKILL: it broke off in the middle"),
        ("tampered", "what npm unpacked (sha512-other) is not what the registry lists"),
    ],
)
def test_an_installation_that_breaks_off(fault: str, said: str, room: Room) -> None:
    """Each cause is named, nothing half-installed stays, and the next attempt succeeds."""
    room.npm.set(fault=fault)
    error = room.fails()
    assert said in error.message
    assert error.hint
    room.npm.set(fault=None)
    assert room.install().version == "2.1.197"


def test_npm_that_hangs(room: Room) -> None:
    """It is stopped after the time that the settings allow, with its children."""
    room.npm.set(fault="hangs")
    assert "npm install took over 1 s and was stopped" in room.fails(timeout=1.0).message


def test_no_npm(room: Room) -> None:
    """What is missing is named, and how to get it."""
    with pytest.raises(errors.InstallError, match="no-such-npm is not on PATH") as caught:
        room.installs(program="no-such-npm").install("claude", CLAUDE, "2.1.197", print)
    assert "install Node.js" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "#!/bin/sh\necho 'needs Node 22' >&2; exit 1\n",
            "ended with status 1 and said: needs Node",
        ),
        ("#!/nonexistent/node\n", "does not run"),
        ("#!/bin/sh\necho hello\n", "ended with status 0 and said: hello"),
        ("#!/bin/sh\necho 1.0.0\n", "its program says it is 1.0.0"),
        ("#!/bin/sh\nprintf '\\033]0;x\\007boom\\033[2J' >&2; exit 9\n", "boom"),
    ],
)
def test_a_program_that_does_not_answer(program: str, said: str, room: Room) -> None:
    """An installation counts once its program has said its version: else it is not kept."""
    room.npm.set(program=program)
    error = room.fails()
    assert said in error.message
    assert error.message.isprintable()


def test_two_at_once_install_once(room: Room) -> None:
    """Two requests for a version that is not there share one installation."""
    room.npm.set(seconds=0.5)
    done: list[Installed] = []
    threads = [threading.Thread(target=lambda: done.append(room.install())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert room.npm.calls("install") == 1


_INSTALL = """
import os, sys
from pathlib import Path
from coders_queue.agents.adapter import Package
from coders_workers.programs.installs import Installs
from coders_workers.programs.npm import Npm
root, npm = sys.argv[1:]
installs = Installs(Path(root), Npm(npm, os.environ, 60), os.environ["PATH"])
package = Package(name="@anthropic-ai/claude-code", program="node_modules/.bin/claude")
installs.install("claude", package, "2.1.197", print)
"""


def test_an_installer_that_is_killed(room: Room) -> None:
    """What a killed process left is never used, and gone after the next installation."""
    room.npm.set(fault="hangs")
    process = subprocess.Popen(
        [sys.executable, "-c", _INSTALL, str(room.root), str(room.npm.program)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    half = room.root / "claude"
    deadline = time.monotonic() + 30
    while not list(half.glob("*/node_modules/.bin/claude")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    npm_pid = _child(process.pid)
    process.kill()
    process.wait()
    os.killpg(npm_pid, signal.SIGKILL)
    assert room.installs().find("claude", "2.1.197") is None
    assert room.installs().all("claude") == []
    assert len(room.left()) == 1
    room.npm.set(fault=None)
    assert room.install().version == "2.1.197"
    assert room.left() == ["2.1.197"]


def test_a_directory_without_its_record_is_not_used(room: Room) -> None:
    """A version's directory that somebody emptied, or made, is installed anew."""
    done = room.install()
    (room.root / "claude" / "2.1.197" / "installed.json").unlink()
    assert room.installs().find("claude", "2.1.197") is None
    assert room.install().program == done.program
    assert room.npm.calls("install") == 2


def test_install_scripts_see_no_keys(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment, npm gets what it needs, and no credentials of agents."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("npm_config_registry", "https://mirror.invalid")
    room.npm.program.write_text("#!/bin/sh\nenv >&2; exit 1\n")
    door = Npm(str(room.npm.program), os.environ, 10)
    _, _, said = door._run(("view",), 10)
    assert "npm_config_registry=https://mirror.invalid" in said
    assert "ANTHROPIC" not in said


def test_the_nearest_versions() -> None:
    """Those around it, as versions and not as texts; previews only where there is nothing else."""
    known = ["0.9.0", "0.10.0", "0.11.0", "0.12.0-beta.1", "0.61.0", "1.0.0"]
    assert nearest("0.10.5", known) == ["0.9.0", "0.10.0", "0.11.0", "0.61.0"]
    assert nearest("9.0", known) == ["0.10.0", "0.11.0", "0.61.0", "1.0.0"]
    assert nearest("0.1", known) == ["0.9.0", "0.10.0", "0.11.0", "0.61.0"]
    assert nearest("1", ["2.0-rc.1"]) == ["2.0-rc.1"]


def _child(pid: int) -> int:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(listed[0])
