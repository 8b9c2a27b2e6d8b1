"""Starting and ending attempts in a real tmux."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue.errors import (
    CodersError,
    MissingBinary,
    SetupError,
    SpawnError,
    UsageError,
    WorkspaceError,
)
from coders_queue.models.launch import ExitStatus
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from support.launches import PYTHON, running, until
from support.tmux_room import Room, room

pytestmark = pytest.mark.tmux


@pytest.fixture
def place() -> Iterator[Room]:
    with room() as made:
        yield made


def test_a_started_agent_lives_in_a_session_of_its_name(place: Room) -> None:
    """Start returns when the agent's process lives; tmux has a session called by the reference."""
    runtime = place.runtime()
    launch, started = place.start(runtime, "/bin/sleep", "60")
    assert Path(f"/proc/{started.pid}/cmdline").read_bytes() == b"/bin/sleep\x0060\x00"
    assert runtime.refs() == {launch.ref}
    assert runtime.started(launch.directory) == started
    assert runtime.ended(launch.directory) is None


def test_an_agent_that_exits_at_once_was_started(place: Room) -> None:
    """A program that ends right away is a success of the start; its end is told once."""
    runtime = place.runtime()
    launch, started = place.start(runtime, "/bin/true")
    ended = place.wait(runtime, launch)
    assert ended.status == ExitStatus(code=0)
    assert ended.at >= started.at
    until(lambda: runtime.refs() == set())
    assert place.ended == [launch.ref]


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 3", ExitStatus(code=3)), ("kill -SEGV $$", ExitStatus(signal=signal.SIGSEGV))],
)
def test_the_end_is_told_as_it_was(place: Room, script: str, status: ExitStatus) -> None:
    """Exit code and deadly signal come back from the attempt's directory."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/sh", "-c", script)
    assert place.wait(runtime, launch).status == status


def test_an_agent_in_a_terminal_knows_its_kind_and_size(place: Room) -> None:
    """With a terminal TERM is set to tmux's kind, and the window has the size asked for."""
    runtime = place.runtime()
    script = "echo $TERM; stty size"
    launch, _ = place.start(runtime, "/bin/sh", "-c", script, terminal=True, columns=97, rows=31)
    place.wait(runtime, launch)
    kind, *size = (launch.directory / "output").read_text().split()
    assert kind in ("tmux-256color", "screen-256color")
    assert size == ["31", "97"]


def test_the_environment_is_exactly_the_one_asked_for(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the worker's environment reaches a headless agent, nor tmux's server."""
    monkeypatch.setenv("CODERS_TEST_SECRET", "hunter2")
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/usr/bin/env", env={"ONLY": "this;", "B": "a\nb"})
    place.wait(runtime, launch)
    assert sorted((launch.directory / "output").read_text().splitlines()) == [
        "B=a",
        "ONLY=this;",
        "b",
    ]
    assert "SECRET" not in place.tmux("show-environment", "-g")


@pytest.mark.parametrize("name", ["it's; #{a} $(b)", "\udcff 'ü\" \\"])
def test_hostile_directories_and_words_arrive(place: Room, name: str) -> None:
    """Quotes, semicolons and invalid UTF-8 in paths and arguments pass tmux unharmed."""
    directory = place.root / name
    words = [name, ";", "a;", "#{session_name}", "x" * 100_000]
    script = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
    runtime = place.runtime()
    launch, _ = place.start(runtime, *PYTHON, script, *words, directory=directory)
    place.wait(runtime, launch)
    assert (directory / "output").read_bytes().split(b"\0") == [os.fsencode(w) for w in words]


@pytest.mark.parametrize(
    ("argv", "options", "kind", "said"),
    [
        (["/no/such/program"], {}, MissingBinary, "no such program: /no/such/program"),
        (["no-such-program"], {}, MissingBinary, "no such program: no-such-program"),
        (["/bin/true"], {"cwd": "/no/dir"}, WorkspaceError, "no such directory: /no/dir"),
        (["/bin/true"], {"cwd": "/etc/passwd"}, WorkspaceError, "no such directory: /etc/passwd"),
        (["/etc/passwd"], {}, SpawnError, "/etc/passwd is not executable"),
        (["/bin/true", "x" * 200_000], {}, SpawnError, "too large"),
        (["/bin/true", "a\0b"], {}, UsageError, "NUL"),
        (["/bin/true"], {"env": {"A=B": "c"}}, UsageError, "'A=B'"),
    ],
)
def test_what_cannot_start_is_explained(
    place: Room, argv: list[str], options: dict[str, object], kind: type[CodersError], said: str
) -> None:
    """A start that cannot be says what is wrong, and leaves no session and no secret behind."""
    runtime = place.runtime()
    launch = place.plan(*argv, stdin=b"secret", **options)
    with pytest.raises(kind) as caught:
        runtime.start(launch, place.on_end)
    assert said in caught.value.message
    until(lambda: runtime.refs() == set())
    assert not (launch.directory / "launch").exists()
    assert not (launch.directory / "stdin").exists()


def test_a_script_without_its_interpreter_is_told_from_a_missing_one(
    place: Room, tmp_path: Path
) -> None:
    """The interpreter that a script names is what is missing, not the script."""
    script = tmp_path / "agent"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    with pytest.raises(SpawnError, match="interpreter"):
        place.start(place.runtime(), str(script))


def test_a_failed_start_stays_failed(place: Room) -> None:
    """Asked again, the runtime reports the first start's failure and tries nothing anew."""
    runtime = place.runtime()
    launch = place.plan("/no/such/program")
    for _ in range(2):
        with pytest.raises(MissingBinary):
            runtime.start(launch, place.on_end)
    ended = runtime.ended(launch.directory)
    assert ended is not None
    assert ended.error is not None
    assert "/no/such/program" in ended.error


def test_a_launcher_that_does_not_run_is_explained(place: Room) -> None:
    """With a broken Python the start fails with its message and never happens later."""
    runtime = place.runtime(python="/no/such/python")
    launch = place.plan("/bin/true")
    with pytest.raises(SpawnError, match="/no/such/python"):
        runtime.start(launch, place.on_end)
    with pytest.raises(SpawnError):
        place.runtime().start(launch, place.on_end)


def test_a_start_that_takes_too_long_is_taken_back(place: Room, tmp_path: Path) -> None:
    """What did not come up in time is refused the start when it comes up later."""
    mark, go = tmp_path / "mark", tmp_path / "go"
    os.mkfifo(go)
    slow = tmp_path / "python"
    slow.write_text(f'#!/bin/sh\necho thinking\nread x <{go}\nexec {PYTHON[0]} "$@"\n')
    slow.chmod(0o700)
    runtime = place.runtime(python=str(slow))
    launch = place.plan("/bin/touch", str(mark))
    with pytest.raises(SpawnError, match="thinking"):
        runtime.start(launch, place.on_end, timeout=1.0)
    until(lambda: runtime.refs() == set())
    assert not (launch.directory / "launch").exists()
    ended = runtime.ended(launch.directory)
    assert ended is not None
    assert ended.error is not None
    assert not mark.exists()


def test_the_same_attempt_is_started_once(place: Room, tmp_path: Path) -> None:
    """Starts of one reference at the same time, by two workers, bring up one agent for all."""
    mark = tmp_path / "mark"
    launch = place.plan("/bin/sh", "-c", f"echo x >>{mark}; sleep 60", stdin=b"x")
    runtimes = [place.runtime(), place.runtime()]
    pids: list[int] = []

    def go(runtime: TmuxRuntime) -> None:
        pids.append(runtime.start(launch, place.on_end).pid)

    threads = [threading.Thread(target=go, args=(runtimes[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(pids) == 8
    assert len(set(pids)) == 1
    until(mark.exists)
    assert mark.read_text() == "x\n"
    assert not (launch.directory / "launch").exists()
    assert not (launch.directory / "stdin").exists()


def test_standard_input_of_a_megabyte_arrives(place: Room) -> None:
    """What an agent is to read arrives whole, and its file is gone."""
    data = os.urandom(1 << 20)
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/cat", stdin=data)
    place.wait(runtime, launch)
    assert (launch.directory / "output").read_bytes() == data
    assert not (launch.directory / "stdin").exists()


def test_stop_ends_an_agent_that_ignores_it(place: Room) -> None:
    """SIGTERM first, SIGKILL when grace is over; children that ignore it go too."""
    runtime = place.runtime()
    script = "trap '' TERM; sleep 60 & echo $!; echo ready; wait; wait"
    launch, started = place.start(runtime, "/bin/sh", "-c", script)
    child = int(place.printed(launch, b"ready").split()[0])
    runtime.stop(launch.ref, launch.directory, 0.3)
    assert place.wait(runtime, launch).status == ExitStatus(signal=signal.SIGKILL)
    until(lambda: not running(started.pid) and not running(child))


def test_stop_lets_an_agent_say_goodbye(place: Room) -> None:
    """An agent that ends on SIGTERM keeps its own exit code."""
    runtime = place.runtime()
    script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    launch, _ = place.start(runtime, "/bin/sh", "-c", script, terminal=True)
    place.printed(launch, b"ready")
    runtime.stop(launch.ref, launch.directory, 30)
    runtime.stop(launch.ref, launch.directory, 30)
    assert place.wait(runtime, launch).status == ExitStatus(code=5)
    runtime.stop(launch.ref, launch.directory, 30)
    assert place.ended == [launch.ref]


def test_stop_before_the_start_prevents_it(place: Room, tmp_path: Path) -> None:
    """An attempt that was stopped before its launcher came is not started any more."""
    mark = tmp_path / "mark"
    runtime = place.runtime()
    launch = place.plan("/bin/touch", str(mark))
    runtime.stop(launch.ref, launch.directory, 1)
    with pytest.raises(SpawnError, match="stopped before it started"):
        runtime.start(launch, place.on_end)
    assert not mark.exists()


def test_an_old_tmux_is_refused(tmp_path: Path) -> None:
    """A tmux below the floor is named, with the version that would do."""
    old = tmp_path / "tmux"
    old.write_text("#!/bin/sh\necho tmux 2.1\n")
    old.chmod(0o700)
    with pytest.raises(SetupError, match=r"tmux 2.1, too old.*or newer"):
        TmuxRuntime(tmp_path / "s", tmux=str(old))


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """A Unix socket's path has a limit; the error says so before tmux does."""
    with pytest.raises(SetupError, match="107 bytes"):
        TmuxRuntime(tmp_path / ("x" * 100) / "s")
