"""The real launcher in a terminal of its own, and with an agent in one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import termios
from pathlib import Path

from support.launches import PYTHON, in_terminal, prepare, running, until

#: Puts its terminal into raw mode and says so; then says what it reads, in hexadecimal.
RAW = (
    "import os, termios\n"
    "mode = termios.tcgetattr(0)\n"
    "mode[0] = mode[1] = mode[3] = 0\n"
    "termios.tcsetattr(0, termios.TCSANOW, mode)\n"
    "os.write(1, b'ready ')\n"
    "while (data := os.read(0, 100)) != b'q': os.write(1, data.hex().encode() + b' ')\n"
)


def test_the_agent_has_a_terminal_of_the_panes_size(tmp_path: Path) -> None:
    """With a terminal, all three streams are one, with the pane's size; it is the agent's own."""
    script = (
        "test -t 0 && test -t 1 && test -t 2 && stty size </dev/tty; ps -o tpgid= -p $$; echo $$"
    )
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script, terminal=True)
    with in_terminal(attempt) as (process, _):
        process.wait(15)
    rows, columns, group, own = attempt.output.split()
    assert (rows, columns) == (b"24", b"80")
    assert group == own
    assert attempt.exit == "exit 0"


def test_without_a_pane_the_size_is_the_launchs(tmp_path: Path) -> None:
    """A launcher that is in no terminal gives the agent one of the size asked for."""
    attempt = prepare(tmp_path / "a", "/bin/stty", "size", terminal=True)
    assert attempt.run() == "exit 0"
    assert attempt.output == b"30 100\r\n"


def test_a_new_size_of_the_pane_reaches_the_agent(tmp_path: Path) -> None:
    """SIGWINCH arrives at the agent, with the size that the pane has now."""
    script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script, terminal=True)
    with in_terminal(attempt) as (process, screen):
        screen.read(b"ready")
        fcntl.ioctl(screen.master, termios.TIOCSWINSZ, bytes([40, 0, 120, 0, 0, 0, 0, 0]))
        process.wait(15)
    assert attempt.output == b"ready\r\n40 120\r\n"


def test_every_key_passes_through(tmp_path: Path) -> None:
    """Control characters, escape sequences and any other byte reach an agent unchanged."""
    attempt = prepare(tmp_path / "a", *PYTHON, RAW, terminal=True)
    keys = bytes(range(256)).replace(b"q", b"")
    with in_terminal(attempt) as (process, screen):
        screen.read(b"ready ")
        os.write(screen.master, keys)
        until(lambda: keys == _heard(attempt.output))
        assert _heard(screen.read(b"ff ")) == keys
        os.write(screen.master, b"q")
        process.wait(15)
    assert attempt.exit == "exit 0"


def _heard(output: bytes) -> bytes:
    return bytes.fromhex("".join(output.decode().split()[1:]))


def test_a_large_paste_arrives_at_a_slow_agent(tmp_path: Path) -> None:
    """Half a megabyte typed at once is held back until the agent reads it; nothing is lost."""
    script = RAW.replace("0, 100", "0, 4096").replace(
        "os.write(1, data.hex().encode() + b' ')", "os.write(1, b'.' * len(data))"
    )
    attempt = prepare(tmp_path / "a", *PYTHON, script, terminal=True)
    left = b"x" * 500_000
    with in_terminal(attempt) as (process, screen):
        screen.read(b"ready ")
        os.set_blocking(screen.master, False)
        while left:
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(screen.master, left[:4096]) :]
            with contextlib.suppress(BlockingIOError):
                os.read(screen.master, 65536)
        os.set_blocking(screen.master, True)
        until(lambda: attempt.output.count(b".") == 500_000)
        os.write(screen.master, b"q")
        process.wait(15)
    assert attempt.exit == "exit 0"


def test_the_last_words_of_a_terminal_are_recorded(tmp_path: Path) -> None:
    """Two megabytes printed to the terminal right before the exit are all there."""
    script = "import os, sys; sys.stdout.write('0123456789abcde\\n' * 131072)"
    attempt = prepare(tmp_path / "a", *PYTHON, script, terminal=True)
    assert attempt.run() == "exit 0"
    assert attempt.output == b"0123456789abcde\r\n" * 131072
    assert attempt.stream("O") == attempt.output


def test_pipes_are_shown_in_the_pane_with_line_ends_for_a_terminal(tmp_path: Path) -> None:
    """Who watches a headless agent sees straight lines; the recording has the plain bytes."""
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", "echo one; echo two >&2; sleep 0.1")
    with in_terminal(attempt) as (process, screen):
        screen.read(b"one\r\n")
        screen.read(b"two\r\n")
        process.wait(15)
    assert attempt.output == b"one\ntwo\n"


def test_interrupt_in_a_headless_pane_reaches_the_agent(tmp_path: Path) -> None:
    """Control-C typed while watching a headless agent interrupts it."""
    script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script)
    with in_terminal(attempt) as (process, screen):
        screen.read(b"ready")
        os.write(screen.master, b"\x1a\x03")
        process.wait(15)
    assert attempt.exit == "exit 9"


def test_a_lost_terminal_hangs_up_on_the_agent(tmp_path: Path) -> None:
    """When the pane's terminal goes away the agent gets SIGHUP, and its end is recorded."""
    script = "trap 'echo bye; exit 4' HUP; echo ready; while :; do sleep 0.05; done"
    for terminal in (True, False):
        attempt = prepare(tmp_path / str(terminal), "/bin/sh", "-c", script, terminal=terminal)
        with in_terminal(attempt) as (process, screen):
            screen.read(b"ready")
            screen.close()
            process.wait(15)
        assert attempt.exit == "exit 4"
        assert b"bye" in attempt.output.split()  # the shell itself says `Hangup` too


def test_an_agent_that_ignores_the_hangup_is_recorded_to_its_end(tmp_path: Path) -> None:
    """After the terminal was lost the agent goes on, and so does the recording."""
    script = (
        "import os, signal, time\n"
        "hung = []\n"
        "signal.signal(signal.SIGHUP, lambda *_: hung.append(1))\n"
        "os.write(1, b'ready\\n')\n"
        "while not hung: time.sleep(0.05)\n"
        "time.sleep(0.3)\n"
        "for _ in range(1000): os.write(1, b'x' * 1000)\n"
        "os.write(1, b'hung %d times' % len(hung))\n"
    )
    for terminal in (True, False):
        attempt = prepare(tmp_path / str(terminal), *PYTHON, script, terminal=terminal)
        with in_terminal(attempt) as (process, screen):
            screen.read(b"ready")
            screen.close()
            process.wait(15)
        assert attempt.exit == "exit 0"
        assert attempt.output.split()[1] == b"x" * 1_000_000 + b"hung"
        assert attempt.output.endswith(b"hung 1 times")


def test_a_pane_that_takes_nothing_holds_the_agent_only_for_a_while(tmp_path: Path) -> None:
    """Three megabytes into a terminal that nobody reads end up in the recording all the same."""
    attempt = prepare(tmp_path / "a", *PYTHON, "print('x' * 3000000)")
    with in_terminal(attempt) as (process, _):
        process.wait(30)
    assert attempt.exit == "exit 0"
    assert len(attempt.output) == 3_000_001


def test_a_background_process_does_not_hold_the_terminal(tmp_path: Path) -> None:
    """A process that the agent left in its terminal delays the end only briefly."""
    script = "trap '' HUP; sleep 60 & echo $!; exit 2"
    attempt = prepare(tmp_path / "a", "/bin/sh", "-c", script, terminal=True)
    with in_terminal(attempt) as (process, _):
        process.wait(10)
    assert attempt.exit == "exit 2"
    left = int(attempt.output)
    assert running(left)
    os.kill(left, signal.SIGKILL)
