"""The corpus of labelled screens, and how well the readers do on it.

The files are ``record_screens.py``'s; what a reader says is compared with what the model stub and
the process were doing when the screen was taken. As a program it notes a first look:
``python tests/support/screen_corpus.py TOOL VERSION COMMIT``.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coders_queue.agents import registry
from coders_queue.agents.screen import Screen, plain

SCREENS = Path(__file__).resolve().parents[1] / "golden" / "screens"
FIRST_LOOKS = SCREENS / "first-looks.json"


_WORKS = "shows its ordinary line of work while it asks again"
#: Tool, state, a pattern of the note or the screen, and why: samples whose screen shows what it
#: shows in another state too. They are kept, and counted apart: no reader can be right about both.
UNTOLD: tuple[tuple[str, str, str, str], ...] = (
    ("claude", "working", r"HTTP 500", "shows the same line for a retry of 500 as of 429 and 529"),
    ("claude", "rate_limited", r"^[·✢✳✶✻✽*] \S+… \(esc to interrupt\)", _WORKS),
    ("codex", "rate_limited", r"^[•◦] Working \(", _WORKS),
    ("gemini", "rate_limited", r"esc to cancel", _WORKS),
    ("qwen", "rate_limited", r"esc to cancel", _WORKS),
)


@dataclass(frozen=True)
class Sample:
    """One screen and what was going on."""

    tool: str
    version: str
    file: str
    text: str
    """With colours."""
    title: str
    columns: int
    rows: int
    state: str
    note: str

    @property
    def untold(self) -> str | None:
        """Why its screen alone cannot tell the state, if it cannot."""
        shown = f"{self.note}\n{plain(self.text)}"
        for tool, state, pattern, why in UNTOLD:
            if (self.tool, self.state) == (tool, state) and re.search(pattern, shown, re.M):
                return why
        return None

    def seen(self, *, colours: bool) -> str:
        """What the tool's reader makes of it."""
        text = self.text if colours else plain(self.text)
        screen = Screen(text, self.title, self.columns, self.rows)
        return registry.get(self.tool).observe_screen(screen, self.version).state


@dataclass
class Score:
    """How often which state was taken for which."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By what it was and what was seen."""

    @property
    def states(self) -> list[str]:
        """Those that there are samples of."""
        return sorted({was for was, _ in self.pairs})

    def count(self, state: str) -> int:
        """How many samples there are of it."""
        return sum(number for (was, _), number in self.pairs.items() if was == state)

    def f1(self, state: str) -> float:
        """The harmonic mean of precision and recall."""
        right = self.pairs[state, state]
        said = sum(number for (_, seen), number in self.pairs.items() if seen == state)
        return 2 * right / (said + self.count(state)) if right else 0.0

    @property
    def macro_f1(self) -> float:
        """The mean over the states that there are samples of."""
        return sum(map(self.f1, self.states)) / len(self.states)

    @property
    def confusion(self) -> str:
        """Every pair that is not right, and the counts of each state, for a person."""
        wrong = [
            f"  {was} seen as {seen}: {number}"
            for (was, seen), number in sorted(self.pairs.items())
            if was != seen
        ]
        counts = [
            f"  {state}: {self.count(state)}, F1 {self.f1(state):.3f}" for state in self.states
        ]
        return "\n".join([f"macro-F1 {self.macro_f1:.3f}", *counts, *wrong])


def versions(tool: str) -> list[str]:
    """The versions recorded."""
    found = (SCREENS / tool).iterdir() if (SCREENS / tool).is_dir() else ()
    return sorted(one.name for one in found if (one / "index.jsonl").is_file())


def samples(tool: str, version: str | None = None) -> Iterator[Sample]:
    """Those of a tool, of one version or of all."""
    for one in versions(tool) if version is None else [version]:
        directory = SCREENS / tool / one
        for line in (directory / "index.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = (directory / row["file"]).read_text(encoding="utf-8")
            yield Sample(
                tool, one, row["file"], text, row["title"], row["columns"], row["rows"],
                row["state"], row["note"],
            )  # fmt: skip


def score(of: Iterable[Sample], *, colours: bool, untold: bool = False) -> Score:
    """How the readers do on these, with or without those that no screen tells."""
    made = Score()
    for sample in of:
        if untold or sample.untold is None:
            made.pairs[sample.state, sample.seen(colours=colours)] += 1
    return made


def first_looks() -> dict[str, dict[str, Any]]:
    """By tool and version: how readers did on a version before they were mended for it."""
    found: dict[str, dict[str, Any]] = json.loads(FIRST_LOOKS.read_text(encoding="utf-8"))
    return found


def note_first_look(tool: str, version: str, reader: str) -> None:
    """Write down how the reader (a commit) does on what was just recorded, once for all."""
    looks = first_looks() if FIRST_LOOKS.exists() else {}
    if version in looks.setdefault(tool, {}):
        raise SystemExit(f"{tool} {version} has had its first look")
    found = list(samples(tool, version))
    looks[tool][version] = {
        "reader": reader,
        "samples": len(found),
        "all": round(score(found, colours=True, untold=True).macro_f1, 3),
        "colours": round(score(found, colours=True).macro_f1, 3),
        "plain": round(score(found, colours=False).macro_f1, 3),
        "missed": [
            f"{one.state} seen as {seen}" + (" (no screen tells)" if one.untold else "")
            for one in found
            if (seen := one.seen(colours=True)) != one.state
        ],
    }
    FIRST_LOOKS.write_text(json.dumps(looks, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    note_first_look(*sys.argv[1:])
