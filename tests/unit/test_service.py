"""The stack as a service: what systemd and launchd are told, and that nothing is half-done."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.settings.paths import Paths
from coders_workers.service import install, systemd
from coders_workers.service.install import Manager, Service, run_command

HOSTILE = '/opt/100% "sure"/$HOME/back\\slash/ün ï'


class Commands:
    """Keeps what would be run."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.ran: list[str] = []

    def __call__(self, argv: list[str]) -> tuple[int, str]:
        self.ran.append(" ".join(argv))
        return (self.codes.pop(0) if self.codes else 0), "no bus"


def service(tmp_path: Path, manager: Manager = "systemd", **changes: Any) -> Service:
    booted = tmp_path / "booted"
    booted.mkdir(exist_ok=True)
    given = {
        "platform": "darwin" if manager == "launchd" else "linux",
        "booted": booted,
        "units": tmp_path / "units",
        "environ": {
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "CODERS_STATE_DIR": HOSTILE,
            "CODERS_BROKER_URL": "redis://:s3cret@h",
            "CODERS_SESSION_ID": "x",
            "SUDO_USER": "ada",
            "OTHER": "x",
            **changes.pop("environ", {}),
        },
        **changes,
    }
    return Service(manager, Paths(tmp_path / "s").ensure(), **given)


@pytest.fixture(autouse=True)
def _systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_the_unit_says_what_counts(tmp_path: Path) -> None:
    """Sessions outlive it, failures are restarted, no secret is in it."""
    text = service(tmp_path).text
    lines = text.splitlines()
    for line in ("KillMode=process", "Restart=on-failure", "WantedBy=default.target"):
        assert line in lines
    assert f'ExecStart="{sys.executable}" "-P" "-m" "coders_workers" "serve"' in lines
    assert 'Environment="PATH=/usr/bin:/bin"' in lines
    assert "s3cret" not in text
    assert not any("OTHER" in line or "SESSION_ID" in line or "User=" in line for line in lines)
    assert service(tmp_path).show()["left_out"] == ["CODERS_BROKER_URL"]
    system = service(tmp_path, "systemd --system").text.splitlines()
    assert "User=ada" in system
    assert "WantedBy=multi-user.target" in system


@pytest.mark.parametrize("user", [None, "root"])
def test_systemd_takes_the_unit(tmp_path: Path, user: str | None) -> None:
    """systemd's own check has nothing to say, whatever is in a path."""
    analyze = "/usr/bin/systemd-analyze"
    if not Path(analyze).exists():
        analyze = ""
    text = systemd.unit(
        [sys.executable, "-P", "-m", "coders_workers", "serve"],
        {"PATH": "/usr/bin", "CODERS_STATE_DIR": HOSTILE},
        user,
    )
    file = tmp_path / systemd.UNIT
    file.write_text(text)
    assert text.count("%%") == 1
    if not analyze:
        return  # systemd is not on this machine: the words above are all that can be looked at
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(["--user"] if user is None else []), str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    complaints = [line for line in done.stderr.splitlines() if systemd.UNIT in line]
    assert complaints == [], done.stderr


def test_the_job_of_launchd(tmp_path: Path) -> None:
    """A property list that gives back exactly what was meant."""
    job = plistlib.loads(service(tmp_path, "launchd").text.encode())
    assert job["ProgramArguments"] == [sys.executable, "-P", "-m", "coders_workers", "serve"]
    assert job["EnvironmentVariables"]["CODERS_STATE_DIR"] == HOSTILE
    assert job["KeepAlive"] == {"SuccessfulExit": False}
    assert job["AbandonProcessGroup"] is True


@pytest.mark.parametrize(
    ("manager", "commands"),
    [
        (
            "systemd",
            ["systemctl --user daemon-reload", "systemctl --user enable --now coders.service"],
        ),
        ("launchd", ["launchctl bootstrap gui/"]),
    ],
)
def test_installed_once(tmp_path: Path, manager: Manager, commands: list[str]) -> None:
    """Written whole, and the manager told; a second time nothing is written; removed again."""
    one, ran = service(tmp_path, manager), Commands()
    answer = one.install(ran)
    assert one.place.read_text() == one.text
    assert (answer["new"], answer["to_do"]) == (True, [])
    assert all(said.startswith(wanted) for said, wanted in zip(ran.ran, commands, strict=True)), (
        ran.ran
    )
    assert one.install(ran)["new"] is False
    assert [path.name for path in one.place.parent.iterdir()] == [one.place.name]
    assert one.remove(ran)["to_do"] == []
    assert not one.place.exists()
    with pytest.raises(errors.NotFound):
        one.remove(ran)


def test_what_systemd_refuses_is_told(tmp_path: Path) -> None:
    """From the first command that failed on, with why, to be run by hand."""
    answer = service(tmp_path).install(Commands(1))
    assert answer["done"] == []
    assert answer["to_do"] == [
        {"command": "systemctl --user daemon-reload", "why": "no bus"},
        {
            "command": "systemctl --user enable --now coders.service",
            "why": "the one before was not done",
        },
    ]


def test_no_systemd_no_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is written: in a container, on another system, as another user."""
    cases = [
        (service(tmp_path, booted=tmp_path / "none"), "not run by systemd"),
        (service(tmp_path, platform="darwin"), "no systemd"),
        (service(tmp_path, "launchd", platform="linux"), "not macOS"),
    ]
    cases.append((service(tmp_path, "systemd --system"), "only root"))
    monkeypatch.setattr(install.os, "geteuid", lambda: 1000)
    for one, why in cases:
        with pytest.raises(errors.SetupError, match=why):
            one.install(Commands())
        assert not one.place.exists()
        assert one.show()["text"]


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves neither a part of a unit nor a temporary file."""
    one = service(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(install.os, "fsync", full)
    with pytest.raises(errors.SetupError, match="No space left"):
        one.install(Commands())
    assert list(one.place.parent.iterdir()) == []


def test_a_command_that_is_not_there() -> None:
    """Is told like any other that fails."""
    assert run_command(["/nowhere/systemctl"])[0] == 1
    assert run_command(["sh", "-c", "echo oh no >&2; exit 3"]) == (3, "oh no")
    assert shutil.which("true")
    assert run_command(["true"]) == (0, "")
