"""Sessions that run exactly the version asked for, pinned or installed on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command_line import CommandLine, command_line
from support.fake_npm import FakeNpm
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: Answers as Claude Code does, with its version; "sleep" in the prompt makes it take its time.
_BODY = r"""read -r said
case "$said" in *sleep*) exec sleep 60;; esac
echo '{"type":"result","subtype":"success","is_error":false,"result":"VERSION"}'
"""


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> FakeNpm:
    """npm with Claude Codes of four versions."""
    directory = tmp_path_factory.mktemp("npm")
    return FakeNpm(directory, ("2.1.196", "2.1.197", "2.2.0", "2.2.1"), _BODY)


@pytest.fixture(scope="module")
def coders(npm: FakeNpm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A stack that installs from it; there is no agent on PATH."""
    home = tmp_path_factory.mktemp("home")
    environ = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": "",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "CODERS_PROGRAMS_NPM": str(npm.program),
        "CODERS_PROGRAMS_PINS": str(home / "fleet.toml"),
    }
    (home / "fleet.toml").write_text('claude = "2.1.197"\n')
    with command_line(environ=environ) as one:
        one.ok("up")
        yield one
        assert one.agents() == {}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory whose pin file is in its parent."""
    (tmp_path / "project" / "src").mkdir(parents=True)
    return tmp_path / "project" / "src"


def pin(project: Path, text: str) -> Path:
    file = project.parent / ".coders.pins.toml"
    file.write_text(text)
    return file


def run(coders: CommandLine, agent: str, cwd: Path, *more: str) -> dict[str, Any]:
    shown: dict[str, Any] = coders.ok("run", agent, "hi", "--json", *more, cwd=cwd).json
    return shown


def test_a_version_is_installed_when_it_is_needed(
    coders: CommandLine, npm: FakeNpm, project: Path
) -> None:
    """`claude@2.2.1` runs exactly that; it is told, and the next session finds it here."""
    done = coders.ok("run", "claude@2.2.1", "hi", "--json", cwd=project)
    assert "coders: installing claude 2.2.1\n" in done.err
    assert (done.json["result"], done.json["agent_version"]) == ("2.2.1", "2.2.1")
    before = npm.calls("install")
    again = coders.ok("run", "claude@2.2.1", "hi", "--json", cwd=project)
    assert "installing" not in again.err
    assert npm.calls("install") == before
    shown = coders.ok("show", again.json["id"]).text
    assert "ran version   2.2.1" in shown
    assert "claude@2.2.1" in coders.ok("ls", "--all").text


def test_pins(coders: CommandLine, project: Path) -> None:
    """Explicit before project before user before the fleet's; the record has what was settled."""
    assert run(coders, "claude", project)["version"] == "2.1.197"
    coders.ok("agents", "pin", "claude@2.1.196")
    assert run(coders, "claude", project)["result"] == "2.1.196"
    pin(project, 'claude = "2.2.0"\n')
    ran = run(coders, "claude", project)
    assert (ran["result"], ran["version"], ran["agent_version"]) == ("2.2.0",) * 3
    assert run(coders, "claude@2.1.197", project)["result"] == "2.1.197"
    listed = {one["name"]: one for one in coders.ok("agents", "--json", cwd=project).json}
    claude = listed["claude"]
    assert claude["pinned"] == {
        "version": "2.2.0",
        "from": f"{project.parent / '.coders.pins.toml'}:1",
    }
    assert {"2.1.196", "2.1.197", "2.2.0"} <= set(claude["installed"])
    assert (claude["version"], claude["runs"]["version"]) == (None, "2.2.0")
    coders.ok("agents", "pin", "--unpin", "claude")
    assert run(coders, "claude", project.parent.parent)["result"] == "2.1.197"


def test_the_python_client_settles_pins_too(coders: CommandLine, project: Path) -> None:
    """A signature made here runs the pinned version on whichever host takes it."""
    pin(project, 'claude = "2.2.0"\n')
    with coders.client() as client:
        signature = client.session("claude", "hi", cwd=str(project))
        assert signature.kwargs["spec"]["version"] == "2.2.0"
        outcome = client.spawn("claude", "hi", cwd=str(project)).wait(60)
    assert (outcome.result, outcome.agent_version) == ("2.2.0", "2.2.0")


def test_an_untested_version_warns_and_goes_on(coders: CommandLine, project: Path) -> None:
    """One line on standard error, a field for programs, a line in the log; a tested one is mute."""
    done = coders.ok("run", "claude@2.2.0", "hi", "--json", cwd=project)
    (warning,) = done.json["warnings"]
    assert warning.startswith("claude 2.2.0 is not a version that coders was tested with; going on")
    assert f"coders: warning: {warning}\n" in done.err
    log = (coders.paths.logs / "worker.log").read_text()
    assert any(
        line["event"] == "agent_untested" and line["version"] == "2.2.0"
        for line in map(json.loads, log.splitlines())
    )
    tested = coders.ok("run", "claude@2.1.197", "hi", "--json", cwd=project)
    assert tested.json["warnings"] == []
    assert "warning" not in tested.err


def test_a_pinned_version_that_does_not_exist(coders: CommandLine, project: Path) -> None:
    """The version, the pin's place and the nearest versions are told; nothing was started."""
    file = pin(project, '# ours\nclaude = "2.1.999"\n')
    before = coders.ok("ls", "--all", "-q").text
    done = coders("run", "claude", "hi", cwd=project)
    assert done.code == 5
    assert "has no version 2.1.999" in done.err
    assert f"(pinned in {file}:2)" in done.err
    assert "the nearest: 2.1.196, 2.1.197, 2.2.0, 2.2.1" in done.err
    assert coders.ok("ls", "--all", "-q").text == before


def test_a_wrong_pin_file(coders: CommandLine, project: Path) -> None:
    """Nothing runs by a pin file that cannot be read: file and line are named."""
    file = pin(project, "\nclaude = 2\n")
    for words in (("run", "claude", "hi"), ("agents", "ls"), ("agents", "pin")):
        done = coders(*words, cwd=project)
        assert done.code == 2
        assert f"{file}:2: claude should be one exact version" in done.err


@pytest.mark.parametrize("fault", ["killed", "ENOSPC", "offline"])
def test_an_installation_that_breaks_off(
    fault: str, coders: CommandLine, npm: FakeNpm, project: Path
) -> None:
    """The spawn fails with the cause; the next one, when npm is well again, succeeds."""
    coders("agents", "rm", "claude@2.2.1")
    npm.set(fault=fault)
    try:
        done = coders("run", "claude@2.2.1", "hi", cwd=project)
    finally:
        npm.set(fault=None)
    assert done.code == 5
    assert "could not be installed" in done.err or "cannot be reached" in done.err
    assert run(coders, "claude@2.2.1", project)["result"] == "2.2.1"


def test_a_host_installs_what_a_queued_session_wants(
    coders: CommandLine, npm: FakeNpm, project: Path
) -> None:
    """A session that comes by the queue has its version installed, and an event tells of it."""
    coders("agents", "rm", "claude@2.2.1")
    with coders.client() as client:
        result = client.session("claude@2.2.1", "hi", cwd=str(project)).apply_async()
        outcome = result.get(timeout=60)
    assert (outcome["result"], outcome["agent_version"]) == ("2.2.1", "2.2.1")
    kinds = [event["kind"] for event in coders.show(result.id)["events"]]
    assert kinds.index("session.installing") < kinds.index("session.running")


def test_a_session_is_cancelled_while_its_version_is_installed(
    coders: CommandLine, npm: FakeNpm, project: Path
) -> None:
    """Nobody has to wait for npm to be rid of a session."""
    coders("agents", "rm", "claude@2.2.1")
    npm.set(seconds=4)
    try:
        with coders.client() as client:
            result = client.session("claude@2.2.1", "hi", cwd=str(project)).apply_async()

        def installing() -> bool:
            events = coders.show(result.id)["events"]
            return any(event["kind"] == "session.installing" for event in events)

        eventually(installing)
        done = coders.ok("kill", result.id, "--json")
        assert (done.json[0] if isinstance(done.json, list) else done.json)["state"] == "cancelled"
        eventually(lambda: npm_is_done(coders))
    finally:
        npm.set(seconds=0)


def npm_is_done(coders: CommandLine) -> bool:
    return not list((coders.paths.state / "agents" / "claude").glob(".unfinished-*"))


def test_a_version_in_use_is_not_removed(coders: CommandLine, project: Path) -> None:
    """It would be pulled from under the session; when that has ended, it goes."""
    spawned = coders.ok("spawn", "claude@2.1.196", "sleep", "--json", cwd=project).json
    done = coders("agents", "rm", "claude@2.1.196")
    assert done.code == 4
    assert "is in use by 1 session" in done.err
    coders.ok("kill", spawned["id"])
    coders.at_rest()
    coders.ok("agents", "rm", "claude@2.1.196")
    again = coders("agents", "rm", "claude@2.1.196")
    assert again.code == 3


def test_install_and_check(coders: CommandLine, project: Path) -> None:
    """`install` says where it is, twice alike; `check` what is there, and what is not, by name."""
    first = coders.ok("agents", "install", "claude@2.1.197").text
    assert coders.ok("agents", "install", "claude@2.1.197").text.split(": ")[1] in first
    key = {"ANTHROPIC_API_KEY": "sk-never-shown"}
    done = coders.ok("agents", "check", "claude@2.1.197", env=key, cwd=project)
    for part in ("2.1.197, tested", "says 2.1.197", "ANTHROPIC_API_KEY"):
        assert part in done.text
    assert "never-shown" not in done.text + done.err
    bad = coders("agents", "check", "claude@2.1.197", "--json", cwd=project)
    assert bad.code == 7
    assert [one["check"] for one in bad.json if not one["ok"]] == ["login"]
    wrong = coders("agents", "install", "claude@9.9.9", "--json")
    assert wrong.code == 5
    assert wrong.json["error"]["kind"] == "install"
    assert "has no version 9.9.9" in wrong.err
