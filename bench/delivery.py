"""Whether prompts arrive whole and once in the real agents' terminals, whatever is in the way.

Texts are sent through the whole stack, as ``coders send`` does: at random moments of the first
seconds after a spawn, two senders at once; later between questions, turns of work, a person's
scrolling and a person's drafts. What arrived is judged by the bodies that the model stub received,
and by nothing that we or the tool say of it.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import delivery_texts as texts
from bench.agent_stand import TOOLS, AgentStand, agent_stand
from bench.delivery_texts import Text
from bench.result import Result
from bench.samples import summary
from bench.stand import until
from coders_queue import errors

ROUNDS, SHORT = 100, 5
#: Submissions in one session.
_EACH = 5
#: Of them, how many come at random moments up to this many seconds after the spawn.
_EARLY, _WINDOW = 2, 3.0
_OBSTACLES = ("none", "question", "work", "scroll", "draft")
_DRAFT = "half a thought of mine"
#: What a text begins and ends with.
_MARK = re.compile(r"\bk\d{8}\b")
#: What a tool's question for permission has on the screen.
_ASKS = re.compile(
    r"Do you want to|Would you like to|Allow execution|Permission required|Allow once"
)
#: Each so many sessions begin where the tool has a question at its start, if one is known.
_NEW_PLACE = 4
#: How often a text that was certainly not sent is sent.
_TRIES = 4
Tell = Callable[[str], None]


@dataclass(frozen=True)
class AtStart:
    """How to make a tool ask something before it takes prompts."""

    file: str
    content: str
    question: re.Pattern[str]


_AT_START = {
    "claude": AtStart(
        ".mcp.json",
        '{"mcpServers": {"none": {"command": "true"}}}',
        re.compile(r"MCP server"),
    )
}


@dataclass
class Tally:
    """What came of the submissions of one tool."""

    sent: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    obstacles: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    presses: Counter[int] = field(default_factory=Counter)
    pastes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    whole: int = 0
    refused: list[str] = field(default_factory=list)
    """What senders were told within 15 s, before they tried again."""
    questions: int = 0
    """How many were seen and answered, seconds later, by a person."""
    unasked: int = 0
    start_questions: int = 0
    drafts: int = 0
    drafts_refused: int = 0
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def run(rounds: int, tell: Tell, tools: Sequence[str] = TOOLS) -> Iterator[Result]:
    """Submit ``rounds`` texts to each tool; a result a tool."""
    for tool in tools:
        yield run_tool(tool, rounds, lambda text, tool=tool: tell(f"{tool}: {text}"))  # type: ignore[misc]


def run_tool(tool: str, rounds: int, tell: Tell, seed: int | None = None) -> Result:
    """Submit ``rounds`` texts to one tool."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    result = Result(f"delivery-{tool}", {"tool": tool, "submissions": rounds, "seed": seed})
    tally = Tally()
    chance = random.Random(seed)
    with agent_stand(tool) as stand:
        result.parameters["version"] = stand.version
        number = 0
        while tally.sent < rounds:
            number += 1
            count = min(_EACH, rounds - tally.sent)
            known = len(tally.problems)
            _Session(stand, tool, number, chance, tally).run(count)
            for problem in tally.problems[known:]:
                tell(f"session {number}: {problem}")
            tell(f"{tally.sent} of {rounds}, {tally.whole} whole and once")
    result.measured = {
        "submissions": tally.sent,
        "whole_and_once": tally.whole,
        "sessions": number,
        "kinds": dict(tally.kinds),
        "in_the_way": dict(tally.obstacles),
        "refused_and_sent_again": tally.refused,
        "questions_answered": tally.questions,
        "questions_not_asked": tally.unasked,
        "start_questions_answered": tally.start_questions,
        "drafts": tally.drafts,
        "drafts_refused": tally.drafts_refused,
        "signs": dict(tally.signs),
        "enter_pressed": {str(count): many for count, many in sorted(tally.presses.items())},
        "pasted": {str(count): many for count, many in sorted(tally.pastes.items())},
        "unit": "ms",
        "problems": tally.problems,
    }
    if tally.seconds:
        result.measured["delivery"] = summary([one * 1000 for one in tally.seconds])
    result.bar(
        f"prompts into the terminal of {tool} {result.parameters['version']}: whole and once, "
        "as the stub's received bodies show",
        f"{rounds} of {rounds}",
        f"{tally.whole} of {tally.sent}",
        tally.whole == tally.sent == rounds,
    )
    result.bar(
        f"a person's draft in {tool}: left alone, and told",
        "each", f"{tally.drafts_refused} of {tally.drafts}",
        tally.drafts_refused == tally.drafts,
    )  # fmt: skip
    return result


class _Session:
    """One session of the tool, and what is done to it."""

    def __init__(
        self, stand: AgentStand, tool: str, number: int, chance: random.Random, tally: Tally
    ) -> None:
        self._stand = stand
        self._tool = tool
        self._number = number
        self._chance = chance
        self._tally = tally
        self._count = 0
        self._id = ""
        self._causes: list[Text] = []
        self._receipts: dict[str, str] = {}

    def run(self, count: int) -> None:
        """Submit ``count`` texts, and see what arrived."""
        self._stand.stub.clear()
        first = self._text("single-line") if self._number % 2 else None
        spec = {"agent": self._tool, "mode": "interactive", "task": first.body if first else None}
        asks = _AT_START.get(self._tool) if self._number % _NEW_PLACE == 0 else None
        self._id = self._stand.spawn(spec, self._place(asks))
        try:
            if asks:
                threading.Thread(target=self._answer, args=(asks.question,), daemon=True).start()
            sent = self._early(min(count, _EARLY))
            while len(sent) < count:
                sent.append(self._later())
            self._judge(sent, [*([first] if first else []), *self._causes])
        finally:
            self._stand.place.end(self._id)

    def _place(self, asks: AtStart | None) -> Path:
        """A directory to work in, in which the tool asks something at its start."""
        if asks is None:
            return self._stand.place.work
        directory = self._stand.place.work / f"new-{self._number}"
        directory.mkdir()
        (directory / asks.file).write_text(asks.content)
        return directory

    def _text(self, kind: str | None = None) -> Text:
        self._count += 1
        kind = kind or texts.KINDS[(self._number + self._count) % len(texts.KINDS)]
        return texts.make(kind, f"k{self._chance.randrange(10**8):08d}", self._chance)

    def _early(self, count: int) -> list[Text]:
        """Senders that do not know of each other, in the first seconds of the session."""
        sent = [self._text() for _ in range(count)]
        moments = [self._chance.uniform(0, _WINDOW) for _ in sent]
        threads = [
            threading.Thread(target=self._at, args=(moment, text))
            for moment, text in zip(moments, sent, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sent

    def _at(self, moment: float, text: Text) -> None:
        time.sleep(moment)
        self._send(text, "start")

    def _later(self) -> Text:
        """One text with something in the way."""
        obstacle = _OBSTACLES[self._chance.randrange(len(_OBSTACLES))]
        time.sleep(self._chance.uniform(0, 0.5))
        if obstacle == "scroll":
            self._stand.scrolls(self._id)
        elif obstacle == "draft":
            self._draft()
        elif obstacle != "none":
            self._busy("RUN:touch made" if obstacle == "question" else "SLOW:2")
        text = self._text()
        self._send(text, obstacle)
        return text

    def _busy(self, behaviour: str) -> None:
        """A prompt that is not counted makes the agent ask, or work, as the next one comes."""
        cause = self._text("single-line")
        self._stand.stub.script(cause.mark, behaviour)
        self._causes.append(cause)
        self._send(cause, "")
        if behaviour.startswith("RUN"):
            threading.Thread(target=self._answer, daemon=True).start()

    def _draft(self) -> None:
        """A person has typed and not sent: ours is refused, theirs stays; they clear it."""
        time.sleep(1.0)  # a person reads first, and answers what is asked
        until(
            lambda: not _ASKS.search(self._stand.screen(self._id)), 60, "an answered question", 0.2
        )
        self._stand.types(self._id, _DRAFT)
        try:
            until(lambda: _DRAFT in self._stand.screen(self._id), 30, "the draft on the screen")
        except errors.TimedOut as error:
            self._tally.problems.append(str(error))
            return
        self._tally.drafts += 1
        try:
            self._stand.place.ask("send", ref=self._id, text="not now", timeout=3)
            self._tally.problems.append("a text was sent over a draft")
        except errors.Undelivered as error:
            if _DRAFT in error.message and _DRAFT in self._stand.screen(self._id):
                self._tally.drafts_refused += 1
            else:
                self._tally.problems.append(f"a draft, but: {error.message}")
        self._stand.keys(self._id, "C-u")

    def _answer(self, question: re.Pattern[str] = _ASKS) -> None:
        """A person sees the question and allows what is asked, some time later."""
        try:
            until(lambda: question.search(self._stand.screen(self._id)), 60, "the question", 0.2)
            if question is _ASKS:
                self._tally.questions += 1
            else:
                self._tally.start_questions += 1
            time.sleep(self._chance.uniform(1, 3))
            self._stand.keys(self._id, "Enter")
        except errors.CodersError:
            self._tally.unasked += 1  # its rules allow it, or the session is over

    def _send(self, text: Text, obstacle: str) -> None:
        tally = self._tally
        try:
            receipt = self._until_sent(text, obstacle)
        except errors.CodersError as error:
            with tally.lock:
                tally.problems.append(f"{obstacle} {text.kind}: {error.kind}: {error.message}")
            return
        with tally.lock:
            self._receipts[text.mark] = f"{obstacle or 'its cause'}: {receipt}"
            if obstacle:
                tally.obstacles[obstacle] += 1
            tally.signs[receipt["sign"]] += 1
            tally.presses[receipt["presses"]] += 1
            tally.pastes[receipt["pastes"]] += 1
            tally.seconds.append(receipt["seconds"])

    def _until_sent(self, text: Text, obstacle: str) -> dict[str, Any]:
        """What was certainly not sent may be sent again; how often is part of the result."""
        for _ in range(_TRIES):
            try:
                return self._stand.place.ask("send", ref=self._id, text=text.body)
            except errors.Undelivered as error:
                last = error
                with self._tally.lock:
                    self._tally.refused.append(f"{obstacle or 'its cause'}: {error.message}")
        raise last

    def _judge(self, sent: list[Text], others: list[Text]) -> None:
        """Hold what was sent against the last request of the conversation."""
        marks = [text.mark for text in (*sent, *others)]
        with contextlib.suppress(errors.TimedOut):
            until(lambda: all(mark in self._heard() for mark in marks), 60, "all texts", 0.5)
        heard = self._heard()
        for text in sent:
            once = heard.count(text.body) == 1 and heard.count(text.mark) == 2
            self._tally.sent += 1
            self._tally.kinds[text.kind] += 1
            self._tally.whole += once
            if not once:
                found = f"{heard.count(text.body)} times whole, {heard.count(text.mark)} marks of 2"
                said = self._receipts.get(text.mark, "refused")
                self._tally.problems.append(f"{text.kind} {text.mark}: {found}; {said}")

    def _heard(self) -> str:
        """All that the user said, in the last request that has any of it."""
        bodies = [one["body"] for one in self._stand.stub.requests()]
        said = ["\n\n".join(_said_by_user(body)) for body in bodies]
        return next((one for one in reversed(said) if _MARK.search(one)), "")


def _said_by_user(value: Any, within: bool = False) -> Iterator[str]:
    """The texts of the user's messages in a request to any of the services."""
    if isinstance(value, str):
        if within:
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _said_by_user(one, within)
    elif isinstance(value, dict):
        inside = within or value.get("role") == "user"
        for key, one in value.items():
            if isinstance(one, dict | list) or key in ("text", "content", "input"):
                yield from _said_by_user(one, inside)
