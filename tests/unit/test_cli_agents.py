"""`coders agents`: what each of its commands asks the host side, prints, and exits with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from coders_queue.cli import stack
from coders_queue.cli.main import main

Capture = pytest.CaptureFixture[str]

LISTED = [
    {
        "name": "claude",
        "modes": ["headless", "interactive"],
        "program": "claude",
        "path": None,
        "version": None,
        "pinned": {"version": "2.1.197", "from": "/p/.coders.pins.toml:1"},
        "installed": ["2.1.196", "2.1.197"],
        "tested": ["2.1.197"],
        "runs": {"version": "2.1.197", "path": "/s/claude"},
        "note": None,
    },
    {
        "name": "codex",
        "modes": [],
        "program": "codex",
        "path": None,
        "version": None,
        "pinned": None,
        "installed": [],
        "tested": [],
        "runs": None,
        "note": "missing",
    },
    {"name": "shell", "program": None, "path": None, "version": None, "modes": ["headless"]},
]


class HostSide:
    """Answers as the test says; remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.code = 0
        self.words: list[str] = []

    def capture(self, words: Sequence[str], limit: float = 60.0) -> tuple[int, str]:
        self.words = list(words)
        return self.code, json.dumps(self.answer)


@pytest.fixture
def host_side(monkeypatch: pytest.MonkeyPatch) -> HostSide:
    one = HostSide()
    monkeypatch.setattr(stack, "capture", one.capture)
    return one


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home, a project in it, and no configuration from elsewhere."""
    project = tmp_path / "project" / "src"
    project.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(project)
    return tmp_path


def test_ls(host_side: HostSide, capsys: Capture) -> None:
    """A table with pins, installed and tested versions; alone, `agents` is `agents ls`."""
    host_side.answer = LISTED
    assert main(["agents", "ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == LISTED
    assert host_side.words == ["agents", "--json", "ls", f"--cwd={Path.cwd()}"]
    assert main(["agents"]) == 0
    claude, codex, shell = capsys.readouterr().out.splitlines()[1:]
    for part in ("2.1.197 (/p/.coders.pins.toml:1)", "2.1.196, 2.1.197", "/s/claude"):
        assert part in claude
    assert "missing" in codex
    assert "codex: not on PATH" in codex
    assert "the command given after --" in shell


def test_check(host_side: HostSide, capsys: Capture) -> None:
    """Exit code 7 and the fix when something is wrong."""
    fine = {"check": "program", "ok": True, "found": "/bin/x", "fix": None}
    host_side.answer = [fine]
    assert main(["agents", "check", "claude@2.1.197"]) == 0
    assert host_side.words[-1] == "claude@2.1.197"
    login = {"check": "login", "ok": False, "found": "no key\x1b[2J", "fix": "log in"}
    host_side.answer = [fine, login]
    assert main(["agents", "check", "claude"]) == 7
    said = capsys.readouterr()
    assert "  try: log in" in said.err
    assert "\x1b" not in said.out + said.err


def test_install_and_rm(host_side: HostSide, capsys: Capture) -> None:
    """Where it is; that it was there; that it is gone."""
    host_side.answer = {"agent": "claude", "version": "2.1.197", "program": "/s/c", "new": True}
    assert main(["agents", "install", "claude@2.1.197"]) == 0
    assert capsys.readouterr().out == "claude 2.1.197 installed: /s/c\n"
    host_side.answer["new"] = False
    assert main(["agents", "install", "claude@2.1.197"]) == 0
    assert capsys.readouterr().out == "claude 2.1.197 is installed already: /s/c\n"
    host_side.answer = {"agent": "claude", "version": "2.1.197", "removed": True}
    assert main(["agents", "rm", "claude@2.1.197", "--force"]) == 0
    assert host_side.words == ["agents", "--json", "rm", "--force", "claude@2.1.197"]


def test_a_failure_of_the_host_side(host_side: HostSide, capsys: Capture) -> None:
    """Its own words stand on standard error; programs get the error as an object."""
    host_side.code = 5
    host_side.answer = {"error": {"kind": "install", "message": "no npm", "hint": "get it"}}
    assert main(["agents", "install", "claude@2.1.197", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "no npm"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("install", "claude@latest"), 2, "not one exact version"),
        (("check", "cluade"), 5, "did you mean claude"),
        (("insatll", "claude@1"), 2, "did you mean install?"),
        (("pin", "claude"), 2, "names no version"),
        (("pin", "shell@1.0"), 2, "shell has no versions to pin"),
        (("pin", "claude@1.0", "--unpin", "claude"), 2, "not both"),
        (("pin", "claude@1.0", "--file", "pins.yaml"), 2, "does not end with .toml"),
    ],
)
def test_what_is_wrong_with_the_call(
    words: tuple[str, ...], code: int, said: str, host_side: HostSide, home: Path, capsys: Capture
) -> None:
    """Told before the host side is asked."""
    assert main(["agents", *words]) == code
    assert said in capsys.readouterr().err
    assert host_side.words == []


def test_pin(home: Path, capsys: Capture) -> None:
    """In the user's file, the project's or any; shown by what counts; taken back."""
    assert main(["agents", "pin", "claude@2.1.197"]) == 0
    user = home / ".config" / "coders" / "pins.toml"
    assert capsys.readouterr().out == f"claude is pinned to 2.1.197 in {user}\n"
    assert main(["agents", "pin", "claude@2.1.196", "--project", "--json"]) == 0
    project = Path.cwd() / ".coders.pins.toml"
    assert json.loads(capsys.readouterr().out) == {
        "agent": "claude",
        "version": "2.1.196",
        "file": str(project),
        "changed": True,
    }
    shared = home / "fleet.toml"
    assert main(["agents", "pin", "codex@0.169.0", "--file", str(shared)]) == 0
    assert shared.read_text().endswith('codex = "0.169.0"\n')
    capsys.readouterr()
    assert main(["agents", "pin", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["from"]) == ("2.1.196", f"{project}:2")
    assert main(["agents", "pin", "--unpin", "claude", "--project"]) == 0
    assert main(["agents", "pin"]) == 0
    assert f"{user}:2" in capsys.readouterr().out
    assert main(["agents", "pin", "--unpin", "claude"]) == 0
    assert main(["agents", "pin", "--unpin", "claude"]) == 0
    assert f"no pin of claude in {user}" in capsys.readouterr().out


def test_a_pin_of_an_agent_that_is_not_known(home: Path, capsys: Capture) -> None:
    """A slip of the finger is shown with its place; a shared file may know more than this host."""
    (Path.cwd() / ".coders.pins.toml").write_text('claude = "2.1.197"\ncluade = "2.1.197"\n')
    assert main(["agents", "pin"]) == 0
    assert ".coders.pins.toml:2: no agent 'cluade' here" in capsys.readouterr().err


def test_help(capsys: Capture) -> None:
    """Of the word, and of each command below it."""
    assert main(["agents", "--help"]) == 0
    group = capsys.readouterr().out
    for name in ("ls", "check", "install", "rm", "pin", "read", "conform"):
        assert f"  agents {name}" in group
    for name in ("ls", "check", "install", "rm", "pin", "read"):
        assert main(["help", "agents", name]) == 0
        said = capsys.readouterr().out
        assert f"coders agents {name}" in said
        assert "examples:" in said
