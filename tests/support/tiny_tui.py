"""A tiny agent with an input box in a terminal, a program of its own, read by the FakeAdapter.

``tiny_tui.py LOG [start=SECONDS] [dialog] [deaf=N] [turn=SECONDS]``: each prompt is one line of
JSON in LOG. Nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import select
import sys
import termios
import time
from pathlib import Path

_BEGIN, _END = b"\x1b[200~", b"\x1b[201~"


class Tui:
    """Input box, a question at the start, a turn of work."""

    def __init__(self, log: str, options: dict[str, float]) -> None:
        self.log = log
        self.dialog = "dialog" in options
        self.deaf = int(options.get("deaf", 0))
        self.turn = options.get("turn", 0.3)
        self.until = 0.0
        self.draft = ""
        self.said: list[str] = []
        self.data = b""

    @property
    def state(self) -> str:
        """As the FakeAdapter calls it."""
        if self.dialog:
            return "dialog"
        return "working" if time.monotonic() < self.until else "idle"

    def draw(self) -> None:
        """All of it, each time."""
        box = f"{self.state}|{self.draft[-80:]}".replace("\n", " ")
        os.write(1, b"\x1b[H\x1b[2J" + "\r\n".join([*self.said[-5:], box]).encode())

    def key(self, key: bytes) -> None:
        """Outside of a paste."""
        if key == b"\r" and self.dialog:
            self.dialog = False
        elif key == b"\r" and self.draft:
            if self.deaf:
                self.deaf -= 1
                return
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.draft) + "\n")
            self.said.append("> " + self.draft[:40].replace("\n", " "))
            self.draft = ""
            self.until = time.monotonic() + self.turn
        elif key == b"\x15":
            self.draft = ""
        elif key >= b" " and not self.dialog:
            self.draft += key.decode("latin-1")

    def feed(self, data: bytes) -> None:
        """What came in; a paste may come in pieces."""
        self.data += data
        while self.data:
            if self.data.startswith(_BEGIN):
                text, mark, rest = self.data[len(_BEGIN) :].partition(_END)
                if not mark:
                    return
                self.data = rest
                if not self.dialog:
                    self.draft += text.decode().replace("\r", "\n")
            else:
                self.key(self.data[:1])
                self.data = self.data[1:]


def main() -> None:
    """Run until killed."""
    words = [word.partition("=") for word in sys.argv[2:]]
    options = {name: float(value or 1) for name, _, value in words}
    time.sleep(options.get("start", 0))
    mode = termios.tcgetattr(0)
    mode[0] = mode[1] = mode[3] = 0
    termios.tcsetattr(0, termios.TCSAFLUSH, mode)
    os.write(1, b"\x1b[?2004h")
    tui = Tui(sys.argv[1], options)
    while True:
        tui.draw()
        if select.select([0], [], [], 0.05)[0]:
            tui.feed(os.read(0, 65536))


main()
