"""Prompts into a small program in a real tmux: what it took is what was sent, once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_workers.runtimes.base import Launch, Look
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.supervisor.submission import Receipt, Submission
from support.fake_terminal import FakeAdapter
from support.launches import PYTHON, until
from support.tmux_room import Room, room

pytestmark = pytest.mark.tmux

_PROGRAM = Path(__file__).resolve().parents[1] / "support" / "tiny_tui.py"
LONG = "".join(f"{number}: a 'line' of \"text\" with $HOME and ž漢\n" for number in range(500))


@dataclass
class Scene:
    """The program in its terminal."""

    place: Room
    runtime: TmuxRuntime
    launch: Launch
    log: Path

    def look(self) -> Look:
        return self.runtime.look(self.launch.ref)

    def unread(self) -> int | None:
        return self.runtime.unread(self.launch.directory)

    def paste(self, text: str) -> None:
        self.runtime.paste(self.launch.ref, text)

    def press(self, key: str) -> None:
        self.runtime.press(self.launch.ref, key)

    def leave_copy_mode(self) -> None:
        self.runtime.leave_copy_mode(self.launch.ref)

    def deliver(self, text: str, **options: Any) -> Receipt:
        adapter = FakeAdapter()
        given: dict[str, Any] = {"label": "tiny", "timeout": 15.0, **options}
        return Submission(self, adapter, None, text, **given).carry_out()

    def person(self, *keys: str) -> None:
        self.place.tmux("send-keys", "-t", f"={self.launch.ref}:", *keys)

    @property
    def taken(self) -> list[str]:
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def scene() -> Iterator[Callable[..., Scene]]:
    with room() as place:

        def make(*options: str) -> Scene:
            runtime, log = place.runtime(), place.root / "taken"
            program = (PYTHON[0], str(_PROGRAM), str(log), *options)
            launch, _ = place.start(runtime, *program, terminal=True)
            return Scene(place, runtime, launch, log)

        yield make


@pytest.mark.parametrize("text", ["fix it", "two\n\n  lines  ;", "-x #{y} ü漢字🎉", "/quit", LONG])
def test_it_arrives_as_it_was_sent(scene: Callable[..., Scene], text: str) -> None:
    """Any text, into a program that is only just starting."""
    tiny = scene("start=0.7")
    receipt = tiny.deliver(text)
    assert tiny.taken == [text]
    assert receipt.pastes == 1


def test_a_dialog_is_left_to_a_person(scene: Callable[..., Scene]) -> None:
    """Nothing is typed into it; once it is answered, the text goes in."""
    tiny = scene("dialog")
    with pytest.raises(errors.Undelivered, match="asks at its start"):
        tiny.deliver("now", timeout=2.0)
    answer = threading.Timer(1.0, tiny.person, ("Enter",))
    answer.start()
    tiny.deliver("and now")
    answer.join()
    assert tiny.taken == ["and now"]


def test_a_draft_is_not_touched(scene: Callable[..., Scene]) -> None:
    """What a person has typed stays as it is."""
    tiny = scene()
    until(lambda: "idle|" in tiny.look().text)
    tiny.person("-l", "my own")
    until(lambda: "my own" in tiny.look().text)
    with pytest.raises(errors.Undelivered, match="my own"):
        tiny.deliver("other", timeout=2.0)
    tiny.person("Enter")
    until(lambda: tiny.taken == ["my own"])


def test_enter_is_pressed_again_and_scrolling_ends(scene: Callable[..., Scene]) -> None:
    """A swallowed Enter and a person in copy mode cost a second, not the text."""
    tiny = scene("deaf=1")
    until(lambda: "idle|" in tiny.look().text)
    tiny.place.tmux("copy-mode", "-t", f"={tiny.launch.ref}:")
    receipt = tiny.deliver("fix it")
    assert tiny.taken == ["fix it"]
    assert receipt.presses == 2


def test_an_agent_that_ends_is_told(scene: Callable[..., Scene]) -> None:
    """Its terminal goes while somebody waits for it."""
    tiny = scene("dialog")
    kill = threading.Timer(0.5, tiny.runtime.stop, (tiny.launch.ref, tiny.launch.directory, 0.0))
    kill.start()
    began = time.monotonic()
    with pytest.raises(errors.Undelivered, match="has ended"):
        tiny.deliver("fix it")
    kill.join()
    assert time.monotonic() - began < 10
