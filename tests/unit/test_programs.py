"""Which program a session runs, and how its version is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.agents.adapter import Adapter
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import AgentSettings, ProgramSettings, Settings
from coders_workers.programs import chosen
from coders_workers.programs.locate import Absent, Program, Programs
from coders_workers.programs.version import Asked, Broken, ask, of_package
from support.fake_npm import FakeNpm


def script(file: Path, body: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


class Room:
    """A machine with a claude on PATH, and an npm."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = f"{root / 'path'}:/usr/bin:/bin"
        self.npm = FakeNpm(root / "npm", ("2.1.196", "2.1.197", "2.2.0"))
        self.claude: Adapter = registry.get("claude")

    def programs(self, *, install: bool = True, program: str | None = None) -> Programs:
        settings = Settings(
            programs=ProgramSettings(npm=str(self.npm.program), install=install),
            agents={"claude": AgentSettings(program=program)},
        )
        return Programs(settings, Paths(self.root / "state"), {"PATH": self.path})

    def on_path(self, says: str) -> Path:
        return script(self.root / "path" / "claude", f"echo '{says}'")

    def located(self, wanted: str | None = None) -> Program:
        found = self.programs().locate(self.claude, wanted, self.path, Path("/"))
        assert found is not None
        return found

    def provided(self, wanted: str, *, install: bool = True) -> Program:
        found = self.programs(install=install).provide(
            self.claude, wanted, self.path, Path("/"), lambda _what: None
        )
        assert found is not None
        return found


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_the_installed_version_goes_before_path(room: Room) -> None:
    """Exactly the version wanted: installed, else on PATH if it is that one, else installed now."""
    program = room.on_path("2.1.197 (Claude Code)")
    assert room.provided("2.1.197").path == str(program)
    assert room.npm.calls("install") == 0
    installed = room.provided("2.1.196")
    assert installed.version == "2.1.196"
    assert str(room.root / "state") in installed.path
    assert room.located("2.1.196") == installed
    assert room.located().path == str(program)


def test_a_version_that_is_not_here(room: Room) -> None:
    """What is here is said, and the command that helps; where installing is off, nothing is."""
    room.on_path("2.1.197 (Claude Code)")
    with pytest.raises(
        Absent, match=r"claude 2\.2\.0 is not installed here: .*is 2\.1\.197"
    ) as one:
        room.located("2.2.0")
    assert one.value.hint == "coders agents install claude@2.2.0"
    with pytest.raises(errors.MissingBinary, match=r"coders agents install claude@2\.2\.0"):
        room.provided("2.2.0", install=False)
    assert room.npm.calls("install") == 0


@pytest.mark.parametrize("wanted", ["latest", "^2", "../x"])
def test_a_tag_or_range_is_no_version_to_install(room: Room, wanted: str) -> None:
    """It is refused as what it is, before anyone is told that something is being installed."""
    with pytest.raises(errors.MissingBinary, match="is not one exact version of claude") as one:
        room.located(wanted)
    assert not isinstance(one.value, Absent)
    with pytest.raises(errors.MissingBinary, match="is not one exact version of claude"):
        room.provided(wanted)
    assert room.npm.calls("install") == 0


def test_without_a_program_on_path(room: Room) -> None:
    """The newest installed version serves; with none, the hint names one to install."""
    with pytest.raises(errors.MissingBinary, match=r"coders agents install claude@2\.1\."):
        room.located()
    room.provided("2.2.0")
    room.provided("2.1.197")
    assert room.located().version == "2.2.0"


def test_a_configured_path_is_never_replaced(room: Room) -> None:
    """A program that the configuration names and that is gone is an error, not another program."""
    room.provided("2.1.197")
    programs = room.programs(program="/opt/gone/claude")
    with pytest.raises(errors.MissingBinary, match="there is no program /opt/gone/claude"):
        programs.locate(room.claude, None, room.path, Path("/"))


def test_the_shell_has_no_versions(room: Room) -> None:
    """Its program is the request's."""
    shell = registry.get("shell")
    assert room.programs().locate(shell, None, room.path, Path("/")) is None
    with pytest.raises(errors.MissingBinary, match=r"leave @1\.0 out"):
        room.programs().locate(shell, "1.0", room.path, Path("/"))


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        ("2.1.197", False),
        ("9.9.9", True),
        ("hello", True),
    ],
)
def test_what_was_not_tested_is_said(version: str, warned: bool, room: Room) -> None:
    """An untested version and one that cannot be told; a tested one is mute."""
    room.on_path(version)
    warning = room.located().warning
    assert (warning is not None) is warned
    if warning is not None:
        assert "\n" not in warning
        assert "going on as with" in warning or "is taken for" in warning


def test_a_package_tells_its_version_without_being_run(room: Room) -> None:
    """A program of an npm package is not started only to be asked."""
    package = room.root / "lib" / "claude-code"
    mark = room.root / "was-run"
    real = script(package / "bin" / "claude", f"touch {mark}; echo 1.0.0")
    (package / "package.json").write_text(
        json.dumps({"name": "@anthropic-ai/claude-code", "version": "2.1.150"})
    )
    (room.root / "path").mkdir()
    (room.root / "path" / "claude").symlink_to(real)
    assert room.located().version == "2.1.150"
    assert not mark.exists()
    assert of_package(real, "@openai/codex") is None


def test_a_program_is_asked_once(tmp_path: Path) -> None:
    """Its answer is kept until the file changes, across processes; a refusal is an answer, too."""
    count = tmp_path / "count"
    program = script(tmp_path / "tool", f"echo x >> {count}; echo tool v1.2.3-beta.1")
    for _ in range(3):
        assert Asked(tmp_path / "known").version(program, "/usr/bin:/bin") == "1.2.3-beta.1"
    assert count.read_text() == "x\n"
    script(tmp_path / "tool", f"echo x >> {count}; echo no; exit 4")
    for _ in range(2):
        assert Asked(tmp_path / "known").version(program, "/usr/bin:/bin") is None
    assert count.read_text() == "x\nx\n"
    (tmp_path / "known").chmod(0o500)
    assert Asked(tmp_path / "known").version(tmp_path / "gone", "/usr/bin:/bin") is None


def test_many_at_once_ask_a_program_once(tmp_path: Path) -> None:
    """A burst of sessions starts it once, not once each."""
    count = tmp_path / "count"
    program = script(tmp_path / "tool", f"echo x >> {count}; sleep 0.2; echo 1.0.0")

    def version(_: int) -> str | None:
        return Asked(tmp_path / "known").version(program, "/usr/bin:/bin")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(version, range(8))) == {"1.0.0"}
    assert count.read_text() == "x\n"


def test_a_program_is_asked_in_an_empty_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees neither the user's home nor their keys, and is not waited for without end."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    body = 'echo "$(ls -A "$HOME")|$HOME|$ANTHROPIC_API_KEY|"; exit 1'
    with pytest.raises(Broken) as caught:
        ask(script(tmp_path / "shows", body), "/usr/bin:/bin")
    listing, home, key, _ = str(caught.value).rpartition(": ")[2].split("|")
    assert (listing, key) == ("", "")
    assert home != str(Path.home())
    assert not Path(home).exists()
    with pytest.raises(Broken, match=r"said nothing to --version for 0\.2 s"):
        ask(script(tmp_path / "slow", "sleep 20"), "/usr/bin:/bin", 0.2)


def test_what_ran_is_remembered(tmp_path: Path) -> None:
    """In the attempt's directory, for its owner alone; and it tells what may not be removed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    chosen.remember(tmp_path / "a", Program("/s/agents/claude/2.1.197/bin/claude", "2.1.197"))
    chosen.remember(tmp_path / "b", Program("/s/agents/claude/2.1.19/bin/claude", None))
    assert chosen.recall(tmp_path / "a") == Program(
        "/s/agents/claude/2.1.197/bin/claude", "2.1.197"
    )
    assert chosen.recall(tmp_path / "gone") is None
    assert (tmp_path / "a" / chosen.FILE).stat().st_mode & 0o777 == 0o600
    attempts = [tmp_path / "a", tmp_path / "b", tmp_path / "gone"]
    assert chosen.users(attempts, Path("/s/agents/claude/2.1.19")) == 1
