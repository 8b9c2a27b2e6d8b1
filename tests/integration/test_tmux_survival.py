"""Workers, launchers and tmux servers that die, and what the runtime makes of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from coders_queue.models.launch import ExitStatus
from coders_workers.runtimes.tmux.traces import Traces
from support.launches import PYTHON, running, until
from support.tmux_room import Room, room

pytestmark = pytest.mark.tmux


@pytest.fixture
def place() -> Iterator[Room]:
    with room() as made:
        yield made


def _launcher(place: Room, directory: object) -> int:
    return int((place.root / str(directory) / "lock").read_text())


def test_the_next_worker_adopts_what_runs(place: Room) -> None:
    """A session outlives its worker; the next one hears of its end, the first no longer."""
    first = place.runtime()
    launch, started = place.start(first, "/bin/sh", "-c", "read x; exit 6", terminal=True)
    first.close()
    heard: list[str] = []
    second = place.runtime()
    assert second.adopt(launch.ref, launch.directory, heard.append)
    assert second.started(launch.directory) == started
    second.send(launch.ref, "go")
    until(lambda: heard == [launch.ref])
    ended = second.ended(launch.directory)
    assert ended is not None
    assert ended.status == ExitStatus(code=6)
    assert place.ended == []


def test_what_ended_unseen_is_not_adopted_but_told(place: Room) -> None:
    """An agent that ended between two workers is not adopted; its exit is on record."""
    first = place.runtime()
    launch, _ = place.start(first, "/bin/sh", "-c", "exit 6")
    place.wait(first, launch)
    second = place.runtime()
    assert not second.adopt(launch.ref, launch.directory, place.on_end)
    ended = second.ended(launch.directory)
    assert ended is not None
    assert ended.status == ExitStatus(code=6)


def test_what_was_never_launched_is_not_adopted(place: Room) -> None:
    """A directory without a launcher, with or without its FIFO, is no session."""
    runtime = place.runtime()
    launch = place.plan("/bin/true")
    assert not runtime.adopt(launch.ref, launch.directory, place.on_end)
    os.mkfifo(launch.directory / "life")
    assert not runtime.adopt(launch.ref, launch.directory, place.on_end)
    assert runtime.ended(launch.directory) is None


def test_a_launcher_on_its_way_is_waited_for(place: Room) -> None:
    """A worker that died right after it asked tmux for the session is no reason to lose it."""
    runtime = place.runtime()
    launch = place.plan("/bin/sleep", "60")
    life = Traces(launch.directory).open_life(create=True)
    assert life is not None
    os.close(life)
    Traces(launch.directory).prepare(launch, "screen")
    go = place.root / "go"
    os.mkfifo(go)
    slow = f'read x <{go}; exec "$@"'
    place.tmux(
        "new-session", "-d", "-s", launch.ref, "sh", "-c", slow, "sh",
        *runtime._launcher, str(launch.directory),
    )  # fmt: skip
    opener = threading.Timer(0.3, go.write_text, ("\n",))
    opener.start()
    assert runtime.adopt(launch.ref, launch.directory, place.on_end)
    opener.join()
    until(lambda: runtime.started(launch.directory))
    assert runtime.start(launch, place.on_end) == runtime.started(launch.directory)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_killed_launcher_is_lost_and_its_agent_does_not_live_on(
    place: Room, terminal: bool
) -> None:
    """SIGKILL for a launcher is noticed at once; the agent, ignoring its hangup, is killed."""
    runtime = place.runtime()
    script = "trap '' HUP; sleep 60 & echo $!; echo ready; wait"
    launch, started = place.start(runtime, "/bin/sh", "-c", script, terminal=terminal)
    child = int(place.printed(launch, b"ready").split()[0])
    os.kill(_launcher(place, launch.directory), signal.SIGKILL)
    assert place.wait(runtime, launch).status == ExitStatus(lost=True)
    until(lambda: not running(started.pid) and not running(child))
    assert place.ended == [launch.ref]


def test_a_stuck_launcher_is_killed_by_the_worker(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launcher that does not answer a stop does not keep its agent alive."""
    monkeypatch.setattr("coders_workers.runtimes.tmux.runtime._OVERDUE", 0.3)
    runtime = place.runtime()
    launch, started = place.start(runtime, "/bin/sleep", "60")
    server = int(place.tmux("display-message", "-p", "#{pid}"))
    os.kill(server, signal.SIGSTOP)  # it would wake the launcher up
    try:
        os.kill(_launcher(place, launch.directory), signal.SIGSTOP)
        runtime.stop(launch.ref, launch.directory, 0.1)
        assert place.wait(runtime, launch).status == ExitStatus(lost=True)
    finally:
        os.kill(server, signal.SIGCONT)
    until(lambda: not running(started.pid))


def test_exit_codes_and_recordings_survive_the_tmux_server(place: Room) -> None:
    """An agent that ignores the hangup works on without tmux; nothing of it is lost."""
    runtime = place.runtime()
    script = (
        "import os, signal, sys, time\n"
        "hung = []\n"
        "signal.signal(signal.SIGHUP, lambda *_: hung.append(1))\n"
        "print('ready', flush=True)\n"
        "while not hung: time.sleep(0.02)\n"
        "time.sleep(0.2); print('x' * 100000); sys.exit(4)\n"
    )
    launches = [
        place.start(runtime, *PYTHON, script, terminal=terminal)[0] for terminal in (True, False)
    ]
    for launch in launches:
        place.printed(launch, b"ready")
    place.tmux("kill-server")
    for launch in launches:
        assert place.wait(runtime, launch).status == ExitStatus(code=4)
        assert b"x" * 100_000 in (launch.directory / "output").read_bytes()


def test_a_plain_agent_ends_with_the_tmux_server(place: Room) -> None:
    """Without a handler the hangup ends the agent, and its death is told with the signal."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/sleep", "60")
    place.tmux("kill-server")
    assert place.wait(runtime, launch).status == ExitStatus(signal=signal.SIGHUP)


def test_a_new_tmux_server_comes_up_when_the_old_one_is_gone(place: Room) -> None:
    """After the server died the next start just works, with all options set again."""
    runtime = place.runtime()
    place.start(runtime, "/bin/sleep", "60")
    place.tmux("kill-server")
    launch, _ = place.start(runtime, "/bin/sleep", "60")
    assert runtime.refs() == {launch.ref}
    assert place.tmux("show-options", "-gv", "history-limit").strip() == "50000"


def test_a_lost_control_connection_is_made_again(place: Room) -> None:
    """Someone who detaches our client costs one reconnect, not a session."""
    runtime = place.runtime()
    one, _ = place.start(runtime, "/bin/sleep", "60")
    place.tmux("detach-client", "-a", "-s", "keeper")
    place.tmux("kill-session", "-t", "=keeper")
    two, _ = place.start(runtime, "/bin/sleep", "60")
    assert runtime.refs() == {one.ref, two.ref}


def test_many_threads_share_the_connection(place: Room) -> None:
    """Replies reach the thread that asked, with starts and ends in between."""
    runtime = place.runtime()
    launches = [place.plan("/bin/sh", "-c", f"exit {n}") for n in range(24)]

    def go(number: int) -> list[bytes]:
        runtime.start(launches[number], place.on_end, timeout=30)
        asked = [f"{number} {word}" for word in range(30)]
        return [runtime._door.ask("display-message", "-p", text)[0] for text in asked]

    with ThreadPoolExecutor(24) as threads:
        heard = list(threads.map(go, range(24)))
    for number, lines in enumerate(heard):
        assert lines == [b"%d %d" % (number, word) for word in range(30)]
    for number, launch in enumerate(launches):
        assert place.wait(runtime, launch).status == ExitStatus(code=number)


def test_a_recycled_pid_is_not_killed(place: Room) -> None:
    """A process that merely has the number of a lost agent is left alone."""
    runtime = place.runtime()
    bystander, started = place.start(runtime, "/bin/sleep", "60")
    launch = place.plan("/bin/true")
    (launch.directory / "claim").touch()
    (launch.directory / "lock").write_text(f"{_launcher(place, bystander.directory)}\n")
    (launch.directory / "started").write_text(f"{started.pid} 1.0 12345\n")
    ended = runtime.ended(launch.directory)
    assert ended is not None
    assert ended.status == ExitStatus(lost=True)
    runtime.stop(launch.ref, launch.directory, 0)
    Traces(launch.directory).force()
    assert running(started.pid)
    assert runtime.ended(bystander.directory) is None
