"""Typing into sessions, looking at them and attaching, in a real tmux."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator

import pytest

from coders_queue.errors import NotFound, UsageError
from support.launches import PYTHON, Screen, until
from support.tmux_room import Room, room

pytestmark = pytest.mark.tmux

#: Takes bracketed pastes; writes what it reads to the file named, until that has so many bytes.
READER = (
    "import os, sys, termios\n"
    "mode = termios.tcgetattr(0)\n"
    "mode[0] = mode[1] = mode[3] = 0\n"
    "termios.tcsetattr(0, termios.TCSANOW, mode)\n"
    "file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
    "os.write(1, b'\\x1b[?2004hready')\n"
    "while True: os.write(file, os.read(0, 65536))\n"
)


@pytest.fixture
def place() -> Iterator[Room]:
    with room() as made:
        yield made


@pytest.mark.parametrize(
    "text",
    [
        "fix the bug",
        "two\nlines; and 'quotes' \"too\" $HOME `id` \\ #{x} ü漢字\t.",
        "-x",
        ";",
        "\x1b[31mred",
        "line of a long text\n" * 50_000,
    ],
)
def test_text_arrives_as_one_paste_and_then_enter(place: Room, text: str) -> None:
    """An agent that takes bracketed pastes gets the text in one, line ends as Enter would be."""
    runtime = place.runtime()
    heard = place.root / "heard"
    launch, _ = place.start(runtime, *PYTHON, READER, str(heard), terminal=True)
    place.printed(launch, b"ready")
    until(lambda: "ready" in runtime.screen(launch.ref))
    runtime.send(launch.ref, text)
    until(lambda: heard.read_bytes().endswith(b"\x1b[201~\r"))
    expected = text.encode().replace(b"\n", b"\r")
    assert heard.read_bytes() == b"\x1b[200~" + expected + b"\x1b[201~\r"


def test_enter_alone_and_text_alone(place: Room) -> None:
    """Enter can be left out, and can be all there is."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/sh", "-c", "read x; echo got-$x; read y", terminal=True)
    runtime.send(launch.ref, "some", enter=False)
    runtime.send(launch.ref, "thing", enter=False)
    runtime.send(launch.ref, "")
    assert b"got-something" in place.printed(launch, b"got-")


def test_send_leaves_copy_mode_first(place: Room) -> None:
    """A person who scrolled back does not keep a message from the agent."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/sh", "-c", "read x; echo got-$x; read y", terminal=True)
    place.tmux("copy-mode", "-t", f"={launch.ref}:")
    runtime.send(launch.ref, "this")
    assert b"got-this" in place.printed(launch, b"got-")


@pytest.mark.parametrize("text", ["a\0b", "a\x1b[201~rm -rf", "a\x9b201~b"])
def test_what_a_paste_cannot_carry_is_refused(place: Room, text: str) -> None:
    """NUL and the end mark of a paste are refused before anything is typed."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/cat", terminal=True)
    with pytest.raises(UsageError, match="bracketed paste"):
        runtime.send(launch.ref, text)
    assert (launch.directory / "output").read_bytes() == b""


def test_the_screen_is_what_a_person_sees(place: Room) -> None:
    """The screen is the terminal's text now, characters of any width included."""
    runtime = place.runtime()
    script = "printf 'gone\\033[2J\\033[Hnow ü漢\\n%%end 1 2 1\\n'; read x"
    launch, _ = place.start(runtime, "/bin/sh", "-c", script, terminal=True)
    until(lambda: "now" in runtime.screen(launch.ref))
    lines = runtime.screen(launch.ref).rstrip("\n").split("\n")
    assert lines == ["now ü漢", "%end 1 2 1"]


def test_a_headless_session_can_be_watched(place: Room) -> None:
    """The pane of an agent on pipes shows what it prints."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/sh", "-c", "echo one; echo two; sleep 60")
    until(lambda: runtime.screen(launch.ref).startswith("one\ntwo\n"))


def test_a_person_attaches_types_and_resizes(place: Room) -> None:
    """The attach command shows the agent; keys reach it, and the window takes the person's size."""
    runtime = place.runtime()
    script = "echo hello; read x; stty size; read y"
    launch, _ = place.start(runtime, "/bin/sh", "-c", script, terminal=True)
    env = {"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    master, slave = pty.openpty()
    subprocess.run(["stty", "rows", "20", "cols", "70"], stdin=slave, check=True)
    argv = runtime.attach_argv(launch.ref)
    person = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
    )
    os.close(slave)
    screen = Screen(master)
    try:
        screen.read(b"hello")
        until(
            lambda: (
                place.tmux("list-panes", "-t", f"={launch.ref}:", "-F", "#{pane_height}") == "20\n"
            )
        )
        os.write(master, b"\r")
        screen.read(b"20 70")
    finally:
        person.terminate()
        person.wait(10)
        screen.close()
    assert runtime.ended(launch.directory) is None


def test_sessions_that_are_gone_say_so(place: Room) -> None:
    """Sending to, or looking at, a session without a terminal names it; discarding is harmless."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/true")
    place.wait(runtime, launch)
    until(lambda: runtime.refs() == set())
    with pytest.raises(NotFound, match=launch.ref):
        runtime.send(launch.ref, "hello")
    with pytest.raises(NotFound, match=launch.ref):
        runtime.screen(launch.ref)
    runtime.discard(launch.ref)


def test_discard_removes_the_session_and_its_agent(place: Room) -> None:
    """Removing a terminal session that still runs hangs up on the agent."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/sleep", "60")
    runtime.discard(launch.ref)
    assert runtime.refs() == set()
    assert place.wait(runtime, launch).status.signal == 1
