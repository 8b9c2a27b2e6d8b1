"""The texts of the delivery benchmark: each unlike any other, of the kinds that people send."""

from __future__ import annotations

import random
from dataclasses import dataclass

KINDS = ("single-line", "multi-line", "unicode", "20 KB")

_WORDS = (
    *("parser", "queue", "token", "retry", "module", "bracket", "config", "schema", "worker"),
    *("socket", "branch", "commit", "review", "build", "linter", "thread", "buffer", "cursor"),
)
_CODE = '''def add(a, b):
    """Add, as `sum([a, b])` does."""
    if a is None and b != 0:
        return {"result": b * 2 % 7, 'path': "C:\\\\temp\\\\new"}

    return a + b  # costs $5; see <https://example.org/?q=1&r=2>
'''
_UNICODE = (
    "Žluťoučký kůň; naïve Größe; Ελληνικά; русский текст; 日本語の文章; 한국어; עברית; "
    "½ ≠ ∑ → ∞; 🎉🚀"
)


@dataclass(frozen=True)
class Text:
    """One prompt, and what tells it from the others."""

    kind: str
    mark: str
    body: str


def make(kind: str, mark: str, chance: random.Random) -> Text:
    """A text of the kind that begins and ends with its mark."""
    if kind == "single-line":
        body = _sentence(chance, chance.randint(3, 25))
    elif kind == "multi-line":
        parts = [
            _sentence(chance, 8),
            "",
            _CODE,
            f"- {_sentence(chance, 4)}",
            "1. $HOME; `id` \\ '",
        ]
        body = "\n".join([*parts, "", _sentence(chance, 12)])
    elif kind == "unicode":
        body = f"{_UNICODE} {_sentence(chance, 3)}\n{_UNICODE[::-1]}"
    else:
        lines: list[str] = []
        while sum(map(len, lines)) < 20_000:
            lines.append(f"{len(lines)}: {_sentence(chance, chance.randint(3, 14))}")
        body = "\n".join(lines)
    return Text(kind, mark, f"{mark} {body} end-{mark}")


def _sentence(chance: random.Random, count: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(count)).capitalize() + "."
