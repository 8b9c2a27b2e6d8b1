"""The parts of Codex's screen: what stands where, not what it means.

From the bottom up: a footer or a menu of two blanks' indent, the input box (``›`` in the first
column; there is no frame), and above it the conversation, of which the last paragraph matters. A
question takes the place of the box and is the last thing on the screen. What the model writes is
above, behind a bullet and indented.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from coders_queue.agents.screen import Screen, plain

_PROMPT = "›"
#: ``› 1. Yes, proceed (y)``
_OPTION = re.compile(r"\s{0,3}(?P<mark>[›>❯])?\s*(?P<number>\d{1,2})\. (?P<text>\S.*)")
_COLUMN = re.compile(r"\s{2,}")
#: The key of an option, behind it.
_KEY = re.compile(r" \((?:esc|[a-z0-9])\)\Z")
#: The last line of a question: what the keys do.
_KEYS = re.compile(r"\s{0,4}(?:press |use |tab |↑|enter |esc )", re.IGNORECASE)
_GIVES = re.compile(r"\benter\b.*\b(?:confirm|continue|submit|select|choose|answer)", re.IGNORECASE)
#: An input box that holds nothing shows an example, dim.
_DIM = re.compile(_PROMPT + r"(?:\x1b\[[0-9;]*m| )*\x1b\[(?:0;)?2m")
_EXAMPLES = (
    "Ask Codex to do anything",
    "Explain this codebase",
    "Summarize recent commits",
    "Implement {feature}",
    "Find and fix a bug in @filename",
    "Write tests for @filename",
    "Improve documentation in @filename",
    "Run /review on my current changes",
    "Use /skills to list available skills",
)
#: What a shell prints over the box of a program that died.
_DEATHS = ("Killed", "Terminated", "Hangup", "Aborted", "Segmentation fault")


@dataclass(frozen=True)
class Question:
    """A question in place of the input box."""

    text: str
    """What is asked, one line."""
    choices: tuple[str, ...]
    above: str
    """Everything of it before its choices."""
    keys: tuple[str | None, ...] = ()
    """What stands in brackets behind each choice: its own key."""
    lines: tuple[str, ...] = ()
    """What :attr:`above` is made of, line by line."""


@dataclass(frozen=True)
class Layout:
    """One screen, taken apart."""

    question: Question | None = None
    box: bool = False
    draft: str | None = None
    """What the box holds."""
    footer: tuple[str, ...] = ()
    """The lines under the box."""
    foreign: bool = False
    """Whether another program has written over the box or at the edge under it."""
    last: tuple[str, ...] = ()
    """The last paragraph above the box that is no warning."""
    lines: tuple[str, ...] = field(default=(), repr=False)
    """All that are not empty."""


def parse(screen: Screen) -> Layout:
    """Take a screen apart."""
    lines = list(screen.lines)
    while lines and not lines[-1]:
        lines.pop()
    shown = tuple(line for line in lines if line)
    question = _question(lines)
    if question is not None:
        return Layout(question=question, lines=shown)
    at = _box(lines)
    if at is None:
        return Layout(lines=shown)
    under = lines[at + 1 :]
    typed, footer = _typed(lines[at], under)
    return Layout(
        box=True,
        draft=None if _is_example(screen, at, typed) else typed,
        footer=footer,
        foreign=_is_death(typed) or any(line and not line.startswith(" ") for line in under),
        last=_last_paragraph(lines[:at]),
        lines=shown,
    )


def _question(lines: Sequence[str]) -> Question | None:
    if not lines or not _KEYS.match(lines[-1]) or not _GIVES.search(_tail(lines)):
        return None
    first = next(
        (
            index
            for index in range(len(lines) - 1, -1, -1)
            if (found := _OPTION.fullmatch(lines[index])) and found["number"] == "1"
        ),
        None,
    )
    if first is None:
        return None
    choices: list[str] = []
    marked = wrapped = False
    width = max(len(line) for line in lines)
    for line, after in zip(lines[first:-1], lines[first + 1 :], strict=True):
        found = _OPTION.fullmatch(line)
        if found is not None:
            # in a column of its own stands what it means
            choices.append(_COLUMN.split(found["text"], maxsplit=1)[0])
            marked = marked or found["mark"] is not None
        elif line and not line.startswith("   "):
            break
        elif wrapped:
            choices[-1] += " " + line.strip()
        # what follows a line that had room for its first word is a remark, not the choice's end
        fits = len(line) + 1 + len(after.split(maxsplit=1)[0]) <= width - 2 if after else True
        whole = found is not None and found["text"] == choices[-1]
        wrapped = bool(line) and not fits and (whole or wrapped)
    if not marked:
        return None
    above = _above(lines[:first])
    text = _asked(above)
    whole = [" ".join(choice.split()) for choice in choices]
    keys = tuple(found[0][2:-1] if (found := _KEY.search(one)) else None for one in whole)
    return Question(
        text=text,
        choices=tuple(_KEY.sub("", one) for one in whole),
        above=" ".join(" ".join(above).split()),
        keys=keys,
        lines=tuple(above),
    )


def _tail(lines: Sequence[str]) -> str:
    """The last lines as one: narrow terminals wrap what the keys do."""
    return " ".join(line.strip() for line in lines[-2:])


def _above(lines: Sequence[str]) -> list[str]:
    """The indented lines before the choices, up to the conversation."""
    found: list[str] = []
    for line in reversed(lines):
        if line and not line.startswith(" ") and not line.startswith(("> ", "  ")):
            break
        found.append(line)
    return found[::-1]


def _asked(above: Sequence[str]) -> str:
    paragraphs = _paragraphs(above)
    asking = [one for one in paragraphs if "?" in one]
    commands = [one[2:] for one in paragraphs if one.startswith("$ ")]
    if asking:
        question = asking[-1][: asking[-1].index("?") + 1]
        return " ".join([question, *commands[-1:]])
    return paragraphs[-1] if paragraphs else ""


def _paragraphs(lines: Sequence[str]) -> list[str]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line:
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [" ".join(one) for one in found if one]


def _box(lines: Sequence[str]) -> int | None:
    """Which line the input box begins at: the last of its kind."""
    for index in range(len(lines) - 1, -1, -1):
        if lines[index] == _PROMPT or lines[index].startswith(_PROMPT + " "):
            return index
    return None


def _typed(first: str, under: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """What the box holds, and the lines of the footer or menu behind it."""
    rest = list(under)
    footer: list[str] = []
    while rest and rest[-1]:
        footer.append(rest.pop())
    text = [first[2:], *(line[2:] for line in rest)]
    return "\n".join(text).strip() or None, tuple(reversed(footer))


def _is_example(screen: Screen, at: int, typed: str | None) -> bool:
    if typed is None:
        return True
    if screen.coloured:
        raw = screen.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return at < len(raw) and _DIM.search(raw[at]) is not None
    # without colours, in a narrow terminal, its end may be cut off
    return any(one == typed or (len(typed) > 8 and one.startswith(typed)) for one in _EXAMPLES)


def _is_death(typed: str | None) -> bool:
    """Whether it is the example of an empty box with such a word over its beginning."""
    return any(
        typed == death + example[len(death) :]
        for death in _DEATHS
        for example in _EXAMPLES
        if typed is not None and typed.startswith(death)
    )


def _last_paragraph(lines: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for line in reversed(lines):
        if line:
            found.append(line)
        elif found and not _is_warning(found[-1]):
            break
        elif found:
            found = []
    return tuple(reversed(found)) if found and not _is_warning(found[-1]) else ()


def _is_warning(line: str) -> bool:
    return plain(line).startswith("⚠ ")
