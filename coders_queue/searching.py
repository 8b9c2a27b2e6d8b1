"""Search in shared context: entries by the words in their keys and texts, the best first.

A pure function over the entries of a few spaces, which are bounded; no index is kept. A word of the
query counts more the rarer it is, more in a key than in a text, more whole than as a beginning, and
less in a long text; who has all words goes before who has some.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from coders_queue import errors
from coders_queue.models.context import ContextEntry

#: Words of a query that are looked for.
MAX_WORDS = 32
#: Characters of the text around the first word found.
EXCERPT = 160

# letters and digits; a_b, a-b and aB are two words
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[^\W_]")
_KEY_WEIGHT = 3.0
_BEGINNING = 0.5
# of BM25: how fast a word's repetitions stop counting, how much length does
_K, _B = 1.2, 0.5


@dataclass(frozen=True)
class Hit:
    """An entry that was found."""

    entry: ContextEntry
    score: float
    """Larger is better; of one search alone."""
    excerpt: str
    """The text around the first word found, on one line; its beginning when none is in it."""


def words(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return [word.casefold() for word in _WORD.findall(text)]


def search(entries: Iterable[ContextEntry], query: str, limit: int) -> list[Hit]:
    """The best entries for a query, of equals the latest. Raises UsageError without any word."""
    asked = list(dict.fromkeys(words(query)))[:MAX_WORDS]
    if not asked:
        raise errors.UsageError(f"{query[:60]!r} holds no word to search for", "give a word or two")
    every = list(entries)
    counted = [_counted(entry) for entry in every]
    average = sum(length for _, length in counted) / len(counted) if counted else 1.0
    matched = [_matched(counts, asked) for counts, _ in counted]
    rarity = {
        word: math.log(1 + len(every) / (1 + sum(word in found for found in matched)))
        for word in asked
    }
    hits = []
    for entry, found, (_, length) in zip(every, matched, counted, strict=True):
        if not found:
            continue
        damp = _K * (1 - _B + _B * length / max(1.0, average))
        score = sum(rarity[word] * count / (count + damp) for word, count in found.items())
        score *= (len(found) / len(asked)) ** 2
        hits.append(Hit(entry, round(score, 6), _excerpt(entry.text, asked)))
    hits.sort(key=lambda hit: (-hit.score, -hit.entry.at, hit.entry.space, hit.entry.key))
    return hits[: max(0, limit)]


def _counted(entry: ContextEntry) -> tuple[Counter[str], int]:
    """How often each word is in it, those of the key counted more; how many words it has."""
    text = words(entry.text)
    counts: Counter[str] = Counter(text)
    for word in words(entry.key):
        counts[word] += int(_KEY_WEIGHT)
    return counts, len(text)


def _matched(counts: Counter[str], asked: list[str]) -> dict[str, float]:
    """How much of each word of the query is there."""
    found: dict[str, float] = {}
    for word in asked:
        count = float(counts.get(word, 0))
        if len(word) > 1:
            begun = sum(n for one, n in counts.items() if one != word and one.startswith(word))
            count += _BEGINNING * begun
        if count:
            found[word] = count
    return found


def _excerpt(text: str, asked: list[str]) -> str:
    wanted = set(asked)
    first = next(
        (match.start() for match in _WORD.finditer(text) if match[0].casefold() in wanted), 0
    )
    start = max(0, first - EXCERPT // 4)
    cut = " ".join(text[start : start + EXCERPT].split())
    before = "…" if start else ""
    return before + cut + ("…" if start + EXCERPT < len(text) else "")
