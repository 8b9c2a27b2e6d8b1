"""The real launcher, with an agent on pipes."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from coders_workers import launcher
from support.launches import PYTHON, prepare, running, until

HOSTILE = [
    "",
    "it's",
    'say "hi"',
    "two\nlines\n",
    "ends in;",
    ";",
    "$HOME `id` $(id) ${PATH}",
    "\\",
    "#{session_name} %1",
    "--",
    "-x",
    "\x1b[201~\t\x01",
    "ü漢字",
    "x" * 100_000,
    b"\xff\xfe not utf-8 \x80",
]


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exit_code_is_kept(tmp_path: Path, code: int) -> None:
    """The agent's exit status is what the exit file says."""
    assert prepare(tmp_path / "a", "/bin/sh", "-c", f"exit {code}").run() == f"exit {code}"


def test_death_by_signal_is_kept(tmp_path: Path) -> None:
    """An agent that a signal killed has that signal in its exit file."""
    assert prepare(tmp_path / "a", "/bin/sh", "-c", "kill -ABRT $$").run() == "signal 6"


def test_argv_environment_and_directory_arrive_byte_for_byte(tmp_path: Path) -> None:
    """Quotes, line breaks, invalid UTF-8 and 100 KB words reach the agent as they were given."""
    cwd = os.fsencode(tmp_path) + b"/it's; $(a)\n\xff"
    Path(os.fsdecode(cwd)).mkdir()
    dump = (
        "import os, sys\n"
        "parts = [os.getcwdb(), *map(os.fsencode, sys.argv[1:])]\n"
        "parts += [k + b'=' + v for k, v in sorted(os.environb.items())]\n"
        "sys.stdout.buffer.write(b'\\0'.join(parts))"
    )
    env = {b"V%d" % n: os.fsencode(word) for n, word in enumerate(HOSTILE)} | {b"LC_ALL": b"C"}
    attempt = prepare(tmp_path / "a", *PYTHON, dump, *HOSTILE, cwd=cwd, env=env)
    assert attempt.run() == "exit 0"
    words = [os.fsencode(word) for word in HOSTILE]
    told = [key + b"=" + value for key, value in sorted(env.items())]
    assert attempt.output.split(b"\0") == [cwd, *words, *told]


def test_a_megabyte_of_standard_input_arrives(tmp_path: Path) -> None:
    """Standard input comes whole from a file that is gone as soon as the agent runs."""
    data = os.urandom(1 << 20)
    attempt = prepare(tmp_path / "a", "/bin/cat", stdin=data)
    assert attempt.run() == "exit 0"
    assert attempt.output == data
    assert not attempt.has("stdin")


def test_without_input_the_agent_reads_an_empty_one(tmp_path: Path) -> None:
    """No standard input means end of file at once."""
    assert prepare(tmp_path / "a", "/bin/cat").run() == "exit 0"


def test_no_byte_is_missed_of_an_agent_that_prints_and_exits(tmp_path: Path) -> None:
    """Five megabytes printed right before the exit are all recorded, and all timed."""
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 20480)"
    attempt = prepare(tmp_path / "a", *PYTHON, script)
    begun = time.monotonic()
    assert attempt.run() == "exit 0"
    elapsed = time.monotonic() - begun
    expected = bytes(range(256)) * 20480
    assert hashlib.sha256(attempt.output).digest() == hashlib.sha256(expected).digest()
    assert attempt.stream("O") == attempt.output
    assert 0 < sum(delay for _, delay, _ in attempt.timing) < elapsed


def test_timing_tells_when_output_came(tmp_path: Path) -> None:
    """A pause of the agent shows as a pause in the recording."""
    script = "printf one; sleep 0.4; printf two"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script)
    attempt.run()
    (_, first, _), (_, second, _) = attempt.timing
    assert first < 0.35
    assert 0.35 < second < 5


def test_errors_are_told_from_output(tmp_path: Path) -> None:
    """Standard error has its own pipe and its own mark in the timing."""
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", "echo out; echo err >&2; echo out")
    attempt.run()
    assert attempt.stream("O") == b"out\nout\n"
    assert attempt.stream("E") == b"err\n"


def test_merged_errors_keep_their_place(tmp_path: Path) -> None:
    """With one pipe for both, errors lie between the output where they were printed."""
    script = "echo 1; echo 2 >&2; echo 3"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script, merge=True)
    attempt.run()
    assert attempt.stream("O") == b"1\n2\n3\n"


def test_all_files_are_private_and_the_launch_is_gone(tmp_path: Path) -> None:
    """Whatever the umask, nobody else can read what an attempt leaves; the launch file is gone."""
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", "cat >/dev/null", stdin=b"secret")
    attempt.run(umask=0)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in attempt.directory.iterdir()}
    assert set(modes) == {"claim", "exit", "life", "lock", "output", "started", "timing"}
    assert set(modes.values()) == {0o600}


def test_one_attempt_starts_once(tmp_path: Path) -> None:
    """Of many launchers for one directory, at once and later, one starts the agent."""
    mark = tmp_path / "mark"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", f"echo x >>{mark}; sleep 0.3")
    racers = [attempt.launch() for _ in range(5)]
    for racer in racers:
        racer.wait(20)
    attempt.run()
    assert mark.read_text() == "x\n"
    assert attempt.exit == "exit 0"


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_reach_the_agents_group(tmp_path: Path, name: str) -> None:
    """What the launcher is sent, the agent and its children get."""
    script = (
        "import os, signal, sys, time\n"
        "def got(number, frame): os.write(1, who); sys.exit(7)\n"
        f"signal.signal(signal.SIG{name}, got)\n"
        "child = os.fork()\n"
        "who = b'agent ' if child else b'child '\n"
        "os.write(1, b'ready ')\n"
        "time.sleep(60)\n"
    )
    attempt = prepare(tmp_path / "a", *PYTHON, script)
    with attempt.launched() as process:
        until(lambda: attempt.has("output") and attempt.output == b"ready ready ")
        process.send_signal(getattr(signal, "SIG" + name))
        process.wait(15)
    assert attempt.exit == "exit 7"
    assert sorted(attempt.output.split()[2:]) == [b"agent", b"child"]


def test_agent_gets_default_signals_and_three_descriptors(tmp_path: Path) -> None:
    """Neither ignored or blocked signals nor open files of its surroundings reach the agent."""

    def spoil() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGRTMIN, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

    script = "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script)
    reader, writer = os.pipe()
    try:
        attempt.run(preexec_fn=spoil, pass_fds=(reader, writer))
    finally:
        os.close(reader)
        os.close(writer)
    # `ls` itself opens the directory as descriptor 3
    zero = "0" * 16
    assert attempt.output.decode().split() == ["SigBlk:", zero, "SigIgn:", zero, *"0123"]


def test_a_daemon_left_behind_does_not_hold_the_launcher(tmp_path: Path) -> None:
    """A child that keeps the agent's pipe open after its death delays the end only briefly."""
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", "sleep 60 & echo $!")
    begun = time.monotonic()
    assert attempt.run() == "exit 0"
    assert time.monotonic() - begun < 10
    daemon = int(attempt.output)
    assert running(daemon)
    os.kill(daemon, signal.SIGKILL)


@pytest.mark.parametrize(
    ("argv", "cwd", "said"),
    [
        (["/no/such/program"], "/", "error 2 exec"),
        (["/bin/true"], "/no/such/dir", "error 2 chdir"),
        (["/etc/passwd"], "/", "error 13 exec"),
        (["/bin/echo", "x" * 200_000], "/", "error 7 exec"),
    ],
)
def test_what_cannot_start_says_why(tmp_path: Path, argv: list[str], cwd: str, said: str) -> None:
    """A start that fails leaves its error number and what was tried, and no `started`."""
    attempt = prepare(tmp_path / "a", *argv, cwd=cwd)
    attempt.run()
    assert attempt.text("exit").startswith(said + " ")
    assert not attempt.has("started")
    assert not attempt.has("launch")


def test_a_full_disk_stops_the_recording_but_not_the_agent(tmp_path: Path) -> None:
    """When the recording cannot be written on, the agent finishes and the exit file tells both."""
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", "sleep 0.2; head -c 3000000 /dev/zero")
    with attempt.launched() as process:
        until(lambda: attempt.has("started"))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        process.wait(20)
    assert attempt.exit == "exit 0"
    assert attempt.text("exit").splitlines()[1] == "recording 27 File too large"
    assert len(attempt.stream("O")) == 100_000


def test_stop_kills_what_ignores_it_when_grace_is_over(tmp_path: Path) -> None:
    """Agent and children that ignore SIGTERM are killed, and not before their grace is over."""
    script = "trap '' TERM; sleep 60 & echo $!; echo ready; wait; wait"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script)
    with attempt.launched() as process:
        until(lambda: attempt.has("output") and b"ready" in attempt.output)
        (attempt.directory / "stop").write_text("0.5\n")
        begun = time.monotonic()
        process.terminate()
        process.wait(15)
    assert attempt.exit == "signal 9"
    assert time.monotonic() - begun > 0.45
    child = int(attempt.output.split()[0])
    until(lambda: not running(child))


def test_children_keep_their_grace_when_the_agent_dies_first(tmp_path: Path) -> None:
    """A wrapper that dies of SIGTERM at once does not cost the program in it its farewell."""
    child = "trap 'sleep 0.3; echo saved; exit' TERM; echo ready; while :; do sleep 0.05; done"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", f'sh -c "{child}"; echo never')
    with attempt.launched() as process:
        until(lambda: attempt.has("output") and b"ready" in attempt.output)
        (attempt.directory / "stop").write_text("10\n")
        process.terminate()
        process.wait(9)
    assert attempt.exit == "signal 15"
    assert attempt.stream("O") == b"ready\nsaved\n"


def test_what_was_stopped_before_does_not_start(tmp_path: Path) -> None:
    """A stop that overtakes the launcher keeps the agent from being started."""
    mark = tmp_path / "mark"
    attempt = prepare(tmp_path / "a", "/bin/touch", str(mark))
    (attempt.directory / "stop").write_text("5\n")
    attempt.run()
    assert attempt.text("exit").startswith("error 125 stop ")
    assert not mark.exists()


def test_output_survives_a_reader_that_went_away(tmp_path: Path) -> None:
    """Nobody reading the pane's side changes neither the agent nor its recording."""
    attempt = prepare(tmp_path / "a", *PYTHON, "print('x' * 1000000)")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert attempt.run(stdout=writer) == "exit 0"
    finally:
        os.close(writer)
    assert len(attempt.output) == 1_000_001


def test_life_tells_of_start_and_hangs_up_at_the_end(tmp_path: Path) -> None:
    """Who reads the FIFO gets a line at the start and end of file when the launcher is killed."""
    attempt = prepare(tmp_path / "a", "/bin/sleep", "60")
    os.mkfifo(attempt.directory / "life")
    life = os.open(attempt.directory / "life", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with attempt.launched() as process:
            until(lambda: attempt.has("claim"))
            os.set_blocking(life, True)
            assert os.read(life, 100) == b"started\n"
            process.kill()
            assert os.read(life, 100) == b""
    finally:
        os.close(life)


def test_called_wrongly_it_says_how(tmp_path: Path) -> None:
    """Without a directory the launcher prints its usage."""
    done = subprocess.run(
        [*PYTHON[:3], str(launcher.build(tmp_path))], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "usage" in done.stderr
