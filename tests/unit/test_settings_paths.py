"""The state directory: where it is, how private it is, what is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.settings import paths as module
from coders_queue.settings.paths import SOCKET_PATH_LIMIT, Paths


def sockets(paths: Paths) -> list[Path]:
    return [paths.host_socket, paths.broker_socket, paths.tmux_socket]


@pytest.fixture
def short_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /tmp."""
    root = tmp_path / "t"
    root.mkdir()
    monkeypatch.setattr(module, "SHORT_ROOT", root)
    return root


def test_the_chosen_directory_goes_before_xdg_and_home(tmp_path: Path) -> None:
    """CODERS_STATE_DIR counts first, then XDG_STATE_HOME, then the home directory."""
    environ = {"HOME": "/h", "XDG_STATE_HOME": "/x", "CODERS_STATE_DIR": "/c/../d"}
    assert Paths.find(environ).state == Path("/d")
    del environ["CODERS_STATE_DIR"]
    assert Paths.find(environ).state == Path("/x/coders")
    environ["XDG_STATE_HOME"] = "relative/is/ignored"
    assert Paths.find(environ).state == Path("/h/.local/state/coders")


def test_without_home_the_user_database_is_asked() -> None:
    """An empty environment still finds the same state directory every time."""
    found = Paths.find({}).state
    assert found.is_absolute()
    assert found.parts[-3:] == (".local", "state", "coders")


@pytest.mark.parametrize("chosen", ["state", "~/state", "./x"])
def test_a_relative_state_directory_is_refused(chosen: str) -> None:
    """It would be another directory for each place a command is run in."""
    with pytest.raises(errors.ConfigError, match="not an absolute path"):
        Paths.find({"CODERS_STATE_DIR": chosen})


@pytest.mark.parametrize("bad", ["/tmp/a\nb", "/tmp/a\x1b[31m", "/tmp/\x7f", "/tmp/\x85"])
def test_control_characters_in_the_path_are_refused(bad: str) -> None:
    """Such a path would break log lines and tmux; the error shows it escaped."""
    with pytest.raises(errors.ConfigError, match="control character") as caught:
        Paths.find({"CODERS_STATE_DIR": bad})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("length", range(75, 130))
def test_socket_paths_always_fit(length: int) -> None:
    """Whatever the state directory's length, no socket path is too long for the kernel."""
    state = Path("/" + "s" * (length - 1))
    for socket in sockets(Paths(state)):
        assert len(os.fsencode(socket)) + 1 <= SOCKET_PATH_LIMIT


def test_the_length_is_counted_in_bytes() -> None:
    """Characters of several bytes count as such."""
    assert Paths(Path("/" + "é" * 50)).run.parent != Path("/" + "é" * 50)


def test_two_long_state_directories_do_not_share_sockets() -> None:
    """The short run directory is the state directory's own."""
    one, other = (Paths(Path("/" + "s" * 100 + end)) for end in "ab")
    assert one.run != other.run


def test_the_broker_address_holds_any_path() -> None:
    """Signs that mean something in an address, and bytes that are no UTF-8, are escaped."""
    url = Paths(Path("/a b?#%/" + os.fsdecode(b"\xff"))).broker_url
    assert url == "redis+socket:///a%20b%3F%23%25/%FF/run/broker.sock?virtual_host=0"


def test_ensure_makes_private_directories(tmp_path: Path) -> None:
    """All directories are 0700, whatever the umask, also when they were there before."""
    paths = Paths(tmp_path / "a" / "state")
    paths.logs.mkdir(parents=True)
    paths.logs.chmod(0o755)
    before = os.umask(0)
    try:
        paths.ensure()
    finally:
        os.umask(before)
    for part in (paths.run, paths.sessions, paths.archive, paths.worktrees, paths.logs):
        assert stat.S_IMODE(part.stat().st_mode) == 0o700
    assert stat.S_IMODE(paths.broker_data.stat().st_mode) == 0o700
    paths.ensure()


def test_a_state_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    """Somebody who may write there could exchange what is in it."""
    tmp_path.chmod(0o777)
    with pytest.raises(errors.SetupError, match="may be written by other users"):
        Paths(tmp_path).ensure()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """A file where a directory should be is told by its path."""
    (tmp_path / "logs").write_text("")
    with pytest.raises(errors.SetupError, match=f"{tmp_path}/logs is not a directory"):
        Paths(tmp_path).ensure()


def test_a_place_that_cannot_be_written_is_refused() -> None:
    """The error says what to do instead."""
    with pytest.raises(errors.SetupError, match="cannot make the directory") as caught:
        Paths(Path("/proc/coders-state")).ensure()
    assert "CODERS_STATE_DIR" in str(caught.value)


def test_a_directory_without_write_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the directories below it are there already."""
    Paths(tmp_path).ensure()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(errors.SetupError, match="is not writable"):
        Paths(tmp_path).ensure()


def test_a_state_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could exchange everything in it."""
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(errors.SetupError, match="belongs to"):
        Paths(tmp_path).ensure()


def test_the_short_run_directory_is_private(short_root: Path) -> None:
    """Both of its levels are made 0700, and found good the next time."""
    environ = {"CODERS_STATE_DIR": str(short_root / ("s" * 100))}
    paths = Paths.find(environ).ensure()
    assert paths.run.parent.parent == short_root
    for level in (paths.run, paths.run.parent):
        assert stat.S_IMODE(level.stat().st_mode) == 0o700
    assert Paths.find(environ) == paths


@pytest.mark.parametrize("level", ["user", "run"])
@pytest.mark.parametrize("trap", ["link", "file", "open"])
def test_a_short_run_directory_that_may_be_a_trap_is_refused(
    short_root: Path, level: str, trap: str
) -> None:
    """A link, a file or an open directory in /tmp is refused before anyone talks to its sockets."""
    state = short_root / ("s" * 100)
    run = Paths(state).run
    target = run if level == "run" else run.parent
    if level == "run":
        run.parent.mkdir(mode=0o700)
    if trap == "link":
        elsewhere = short_root / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        target.symlink_to(elsewhere)
    elif trap == "file":
        target.write_text("")
    else:
        target.mkdir()
        target.chmod(0o755)
    with pytest.raises(errors.SetupError, match=target.name):
        Paths.find({"CODERS_STATE_DIR": str(state)})
    with pytest.raises(errors.SetupError, match=target.name):
        Paths(state).ensure()


def test_a_short_run_directory_of_another_user_is_refused(
    short_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may have made it first, with sockets of theirs in it."""
    state = short_root / ("s" * 100)
    (short_root / f"coders-{os.geteuid() + 1}").mkdir(mode=0o700)
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(errors.SetupError, match="belongs to"):
        Paths.find({"CODERS_STATE_DIR": str(state)})


def test_the_paths_cost_no_heavy_import() -> None:
    """The command line's fast path loads neither pydantic nor YAML nor Celery for them."""
    code = (
        "import sys, coders_queue.settings.paths; "
        "print({'pydantic', 'yaml', 'celery', 'structlog', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "set()"
