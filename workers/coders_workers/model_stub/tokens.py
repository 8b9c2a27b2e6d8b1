"""What the stub claims that an answer cost: made up, always the same for the same requests.

The numbers differ from each request to the next, so that a sum over requests proves that each was
counted once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """The cost of one answer; each API spells it its own way."""

    input: int
    """Without those from a cache."""
    output: int
    """Reasoning included."""
    reasoning: int
    cache_read: int
    cache_write: int
    """Only some APIs count it."""

    def as_usage(self, *, reads: bool, writes: bool) -> dict[str, int]:
        """In the project's own words: input without cache, output with reasoning.

        ``reads`` and ``writes``: whether the API counts those of a cache.
        """
        return {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_tokens": self.cache_read if reads else 0,
            "cache_write_tokens": self.cache_write if writes else 0,
        }


def count(number: int, size: int, answer: str) -> Tokens:
    """For the ``number``-th request of the journal, ``size`` bytes long, and its answer."""
    reasoning = 1 + number % 3
    return Tokens(
        input=100 + 7 * number + size % 41,
        output=reasoning + 5 + 3 * number + len(answer) % 13,
        reasoning=reasoning,
        cache_read=11 * number,
        cache_write=13 * number + 1,
    )
