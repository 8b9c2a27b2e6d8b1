"""The doctor, and the configuration as it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coders_queue.cli import checks, stack
from coders_queue.cli.main import main
from support.fake_host import FakeHost

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]

TMUX = {"check": "tmux", "ok": True, "found": "3.3a (3.0 is enough)", "fix": None}


@pytest.fixture
def host_side(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the host side's doctor prints."""
    told = [TMUX]
    monkeypatch.setattr(stack, "capture", lambda words: (0, json.dumps(told)))
    return told


def checked(capsys: Capture) -> dict[str, Any]:
    return {one["check"]: one for one in json.loads(capsys.readouterr().out)}


@pytest.mark.usefixtures("host_side")
def test_a_healthy_machine(fake_host: FakeHost, capsys: Capture) -> None:
    """Every check has its shape, and all is well."""
    fake_host.paths.state.chmod(0o700)
    fake_host.answers["status"] = {"worker": {"pid": 1}, "broker": "redis://b", "degraded": False}
    fake_host.answers["agents"] = {"agents": [{"name": "shell", "program": None, "path": None}]}
    assert main(["doctor", "--json"]) == 0
    found = checked(capsys)
    assert found.keys() == {
        "python",
        "git",
        "state directory",
        "worker",
        "broker",
        "agents",
        "tmux",
    }
    assert all(one.keys() == {"check", "ok", "found", "fix"} for one in found.values())
    assert found["agents"]["found"] == "shell"
    assert main(["doctor"]) == 0
    assert "3.3a" in capsys.readouterr().out


def test_a_sick_machine(
    fake_host: FakeHost, host_side: list[dict[str, Any]], capsys: Capture
) -> None:
    """Each fault is named with its fix, and the exit code is that of a setup error."""
    fake_host.paths.state.chmod(0o755)
    fake_host.answers["status"] = {"worker": {"pid": 1}, "broker": "redis://b", "degraded": True}
    fake_host.answers["agents"] = {"agents": []}
    host_side[0] = {"check": "tmux", "ok": False, "found": "2.9", "fix": "apt-get install tmux"}
    assert main(["doctor"]) == 7
    printed = capsys.readouterr()
    assert "FAIL" in printed.out
    for part in ("apt-get install tmux", "chmod 700", "redis://b does not answer", "agents: none"):
        assert part in printed.err


@pytest.mark.usefixtures("host_side")
def test_a_machine_where_nothing_runs_yet(cli_state: Path, capsys: Capture) -> None:
    """No worker and no state are no fault, and the doctor makes neither."""
    assert main(["doctor", "--json"]) == 0
    assert "not running" in checked(capsys)["worker"]["found"]
    assert not cli_state.exists()


def test_a_host_side_that_does_not_run(
    cli_state: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """It is a fault of its own, not a crash."""
    monkeypatch.setattr(stack, "capture", lambda words: (1, "nonsense"))
    assert main(["doctor", "--json"]) == 7
    assert checked(capsys)["host side"]["ok"] is False


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing git says how to get it."""
    monkeypatch.setenv("PATH", "/nowhere")
    found = checks._git()
    assert (found["ok"], found["fix"]) == (False, "apt-get install git")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's configuration file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coders").mkdir()
    return tmp_path / "coders" / "config.yaml"


def test_config_show(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Each value with where it came from."""
    config.write_text("session:\n  grace: 3\n")
    monkeypatch.setenv("CODERS_OWNER", "ada")
    assert main(["config", "show", "--json"]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["session.grace"]["value"] == 3
    assert str(config) in rows["session.grace"]["origin"]
    assert rows["owner"] == {"key": "owner", "value": "ada", "origin": "environment CODERS_OWNER"}
    assert main(["config"]) == 0
    assert "session.grace" in capsys.readouterr().out


def test_config_check(config: Path, capsys: Capture) -> None:
    """A wrong key is an error with its place; a right file is fine."""
    config.write_text("session:\n  graze: 3\n")
    assert main(["config", "check"]) == 2
    err = capsys.readouterr().err
    assert f"{config}:2" in err
    assert "grace" in err
    config.write_text("session:\n  grace: 3\n")
    assert main(["config", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [str(config)]


def test_config_path_and_schema(config: Path, capsys: Capture) -> None:
    """The files read, and the schema of one."""
    config.write_text("owner: ada\n")
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{config}\n"
    assert main(["config", "schema"]) == 0
    assert "properties" in json.loads(capsys.readouterr().out)
