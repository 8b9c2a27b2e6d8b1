"""Looking at terminals, pasting and pressing keys, in a real tmux."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coders_queue.errors import NotFound, TimedOut, UsageError
from support.launches import PYTHON, until
from support.tmux_room import Room, room

pytestmark = pytest.mark.tmux

#: Puts its terminal into raw mode; writes what it reads to the file named.
READER = (
    "import os, sys, termios\n"
    "mode = termios.tcgetattr(0)\n"
    "mode[0] = mode[1] = mode[3] = 0\n"
    "termios.tcsetattr(0, termios.TCSANOW, mode)\n"
    "file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
    "os.write(1, b'\\x1b[?2004h\\x1b]2;at work\\x07\\x1b[31mready\\x1b[0m')\n"
    "while True: os.write(file, os.read(0, 65536))\n"
)

#: Puts its terminal into raw mode and reads nothing.
SLEEPER = (
    "import os, termios, time\n"
    "mode = termios.tcgetattr(0)\n"
    "mode[0] = mode[1] = mode[3] = 0\n"
    "termios.tcsetattr(0, termios.TCSANOW, mode)\n"
    "os.write(1, b'ready')\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def place() -> Iterator[Room]:
    with room() as made:
        yield made


def test_a_look_has_colours_title_size_and_cursor(place: Room) -> None:
    """All that an adapter reads, and whether a person has scrolled."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, *PYTHON, READER, str(place.root / "heard"), terminal=True)
    until(lambda: "ready" in runtime.look(launch.ref).text)
    look = runtime.look(launch.ref)
    assert "\x1b[31mready" in look.text
    assert look.title == "at work"
    assert (look.columns, look.rows, look.cursor) == (100, 30, (5, 0))
    assert not look.in_mode
    assert not look.dead
    place.tmux("copy-mode", "-t", f"={launch.ref}:")
    assert runtime.look(launch.ref).in_mode
    runtime.leave_copy_mode(launch.ref)
    assert not runtime.look(launch.ref).in_mode
    runtime.leave_copy_mode(launch.ref)


def test_text_and_keys_reach_the_agent_s_own_pane(place: Room) -> None:
    """A window or a pane that a person opened beside it gets nothing."""
    runtime = place.runtime()
    heard = place.root / "heard"
    launch, _ = place.start(runtime, *PYTHON, READER, str(heard), terminal=True)
    until(lambda: "ready" in runtime.look(launch.ref).text)
    place.tmux("split-window", "-b", "-t", f"={launch.ref}:", "cat")
    place.tmux("new-window", "-t", f"={launch.ref}:", "cat")
    runtime.paste(launch.ref, "a\nb")
    runtime.press(launch.ref, "Enter")
    runtime.press(launch.ref, "C-c")
    until(lambda: heard.read_bytes().endswith(b"\x03"))
    assert heard.read_bytes() == b"\x1b[200~a\rb\x1b[201~\r\x03"
    assert "ready" in runtime.look(launch.ref).text
    assert "ready" in runtime.screen(launch.ref)


def test_no_buffer_is_left_behind(place: Room) -> None:
    """After a paste, and after one into a terminal that is gone."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/cat", terminal=True)
    place.tmux("set-buffer", "-b", "mine", "a person's")
    runtime.paste(launch.ref, "text")
    runtime.paste(launch.ref, "")
    place.tmux("kill-pane", "-t", f"={launch.ref}:")
    with pytest.raises(NotFound):
        runtime.paste(launch.ref, "text")
    assert place.tmux("list-buffers", "-F", "#{buffer_name}").split() == ["mine"]


def test_a_paste_that_cannot_be_done_leaves_no_buffer(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pane goes between the look for it and the paste."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/cat", terminal=True)
    monkeypatch.setattr(runtime._terminals, "_pane", lambda _: "%999")
    with pytest.raises(NotFound):
        runtime.paste(launch.ref, "text")
    assert place.tmux("list-buffers", "-F", "#{buffer_name}") == ""


def test_what_an_agent_has_not_read_is_known(place: Room) -> None:
    """An agent that reads leaves nothing; one that does not, all that was typed."""
    runtime = place.runtime()
    reader, _ = place.start(runtime, *PYTHON, READER, str(place.root / "heard"), terminal=True)
    sleeper, _ = place.start(runtime, *PYTHON, SLEEPER, terminal=True)
    until(lambda: "ready" in runtime.look(reader.ref).text)
    until(lambda: "ready" in runtime.look(sleeper.ref).text)
    for launch in (reader, sleeper):
        runtime.paste(launch.ref, "12345")
    until(lambda: runtime.unread(sleeper.directory) == 5)
    until(lambda: runtime.unread(reader.directory) == 0)
    piped, _ = place.start(runtime, "/bin/sleep", "60")
    assert runtime.unread(piped.directory) is None
    assert runtime.unread(place.root / "nowhere") is None


def test_a_paste_in_question_says_so(place: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tmux that does not answer in time is no success and no failure."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/cat", terminal=True)
    monkeypatch.setattr(runtime._door, "timeout", 0.0001)
    monkeypatch.setattr(runtime._terminals, "_pane", lambda _: "%0")
    with pytest.raises(TimedOut):
        runtime.paste(launch.ref, "text")


def test_a_key_that_is_none_is_not_typed(place: Room) -> None:
    """tmux would type an unknown name out, letter by letter."""
    runtime = place.runtime()
    launch, _ = place.start(runtime, "/bin/cat", terminal=True)
    with pytest.raises(UsageError, match="'Retrun' is no key"):
        runtime.press(launch.ref, "Retrun")
    assert (launch.directory / "output").read_bytes() == b""
