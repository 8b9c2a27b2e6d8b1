"""A tiny agent at a terminal, for tests of delivery: a screen, an input box, a clock of its own.

Its screen is one line ``state|draft`` and whatever it said, above; it does as the test says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from coders_queue.agents.adapter import Delivery
from coders_queue.agents.screen import Screen
from coders_queue.agents.tool import Tool
from coders_queue.errors import NotFound
from coders_queue.models.observation import Observation, ObservedState
from coders_workers.runtimes.base import Look
from coders_workers.supervisor.terminal_view import Clock

_STATES: dict[str, ObservedState] = {
    "starting": "starting",
    "dialog": "dialog",
    "idle": "idle",
    "working": "working",
    "waiting": "waiting",
    "unknown": "unknown",
    "error": "error",
}


class FakeAdapter(Tool):
    """Reads the fake's screen."""

    name = "fake"
    takes_prompt = True
    delivery = Delivery(pause=0.15, settle=0.2)

    def __init__(self, **delivery: object) -> None:
        self.delivery = Delivery.model_validate({"settle": 0.2, **delivery})

    def observe_screen(self, screen: Screen, version: str | None = None) -> Observation:
        """The last line that is not empty says it."""
        last = screen.shown[-1] if screen.shown else "starting"
        state, _, draft = last.partition("|")
        asks = state in ("dialog", "waiting")
        return Observation(
            state=_STATES.get(state, "unknown"),
            source="screen",
            question="Proceed?" if asks else None,
            choices=("Yes", "No") if asks else (),
            draft=None if asks else draft or None,
        )


@dataclass
class FakeTerminal:
    """The terminal and the agent in it. Time passes only when somebody sleeps."""

    state: str = "idle"
    draft: str = ""
    time: float = 0.0
    said: list[str] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Every key that reached anybody."""
    pastes: int = 0
    in_mode: bool = False
    gone: bool = False
    deaf: int = 0
    """How many Enters are still swallowed."""
    lose: int = 0
    """How many pastes are still lost."""
    turn: float = 1.0
    """Seconds that a prompt is worked on."""
    echo: bool = True
    """Whether it shows a prompt that it took."""
    placeholder: str | None = None
    """What a paste shows as."""
    frozen: bool = False
    """Whether it reads nothing just now; what is typed waits, and is then taken at once."""
    knows: bool = True
    """Whether it can be told what it has not read."""
    waiting: list[str] = field(default_factory=list)
    plan: list[tuple[float, Callable[[FakeTerminal], None]]] = field(default_factory=list)
    """What happens at which time."""
    away: list[Exception] = field(default_factory=list)
    """What the next looks, and after that the next keys, raise."""
    on_look: list[Callable[[FakeTerminal], None]] = field(default_factory=list)
    """What happens right after the next looks, one for each."""
    _behind: str = ""

    def clock(self) -> Clock:
        """Its time."""
        return Clock(now=lambda: self.time, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Time passes, and what was planned happens."""
        self.time += seconds
        for entry in sorted(self.plan, key=lambda one: one[0]):
            if entry[0] <= self.time:
                self.plan.remove(entry)
                entry[1](self)

    def look(self) -> Look:
        """The screen now."""
        if self.gone:
            raise NotFound("no terminal")
        if self.away:
            raise self.away.pop(0)
        shown = self.placeholder if self.placeholder and self.draft else self.draft
        text = "\n".join([*self.said, f"{self.state}|{shown}".replace("\n", " ")])
        if self.on_look:
            self.on_look.pop(0)(self)
        return Look(text, "", 80, 24, (0, 0), self.in_mode, False)

    def paste(self, text: str) -> None:
        """Into the box, if there is one."""
        if self.gone:
            raise NotFound("no terminal")
        self.pastes += 1
        if self.frozen:
            self.waiting.append(text)
            return
        if self.state in ("dialog", "waiting", "starting"):
            return
        if self.lose:
            self.lose -= 1
            return
        self.draft += text

    def press(self, key: str) -> None:
        """Enter submits, answers a question, or is swallowed."""
        if self.gone:
            raise NotFound("no terminal")
        if self.in_mode:
            return
        if self.frozen:
            self.waiting.append("")
            return
        self.keys.append(f"{self.state}:{key}")
        if self.deaf:
            self.deaf -= 1
        elif self.state in ("idle", "working", "error") and self.draft:
            self.submitted.append(self.draft)
            if self.echo:
                self.said.append(f"> {self.draft}")
            self.draft = ""
            if self.turn:
                self.state = "working"
                self.plan.append((self.time + self.turn, answer))

    def unread(self) -> int | None:
        """What waits for a frozen agent."""
        return sum(len(text) + 1 for text in self.waiting) if self.knows else None

    def leave_copy_mode(self) -> None:
        """Keys go to the agent again."""
        self.in_mode = False


def become(state: str) -> Callable[[FakeTerminal], None]:
    """A happening: the agent's state changes."""

    def happen(fake: FakeTerminal) -> None:
        fake.state = state

    return happen


def thaw(fake: FakeTerminal) -> None:
    """A happening: it reads all that waits, in one go; each Enter sends what stood in the box."""
    fake.frozen = False
    stood = fake.draft
    for text in fake.waiting:
        if text:
            fake.draft += text
        else:
            fake.draft = stood
            fake.press("Enter")
    fake.waiting.clear()


def typed(text: str) -> Callable[[FakeTerminal], None]:
    """A happening: a person types."""

    def happen(fake: FakeTerminal) -> None:
        fake.draft += text

    return happen


def answer(fake: FakeTerminal) -> None:
    """A happening: the turn is over."""
    fake.said.append("Done.")
    fake.state = "idle"


def end(fake: FakeTerminal) -> None:
    """A happening: the agent ends."""
    fake.gone = True
