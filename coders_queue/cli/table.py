"""A table that fits its terminal: columns shrink, then go, before a line wraps.

Owns layout only; colours are laid over finished cells by the caller's ``paint``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from coders_queue.cli.text import printable

_GAP = "  "
#: No column is shrunk below this many characters.
_NARROWEST = 6

Paint = Callable[[int, str], str]


class Column:
    """A column's title, whether it may shrink, and when it goes (a higher ``rank`` goes first)."""

    __slots__ = ("rank", "shrinks", "title")

    def __init__(self, title: str, *, shrinks: bool = False, rank: int = 0) -> None:
        self.title = title
        self.shrinks = shrinks
        #: 0 stays whatever happens.
        self.rank = rank


def width_of(text: str) -> int:
    """The number of terminal cells that ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def fit(text: str, width: int) -> str:
    """``text`` cut to ``width`` cells, with an ellipsis when something is missing."""
    if width_of(text) <= width:
        return text
    kept, used = [], 0
    for char in text:
        used += _cells(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


def render(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    width: int | None,
    paint: Paint = lambda _column, cell: cell,
) -> list[str]:
    """The table's lines, none wider than ``width`` (None: as wide as it gets).

    ``paint(column, cell)`` colours a padded cell; the header has column -1.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    shown = list(range(len(columns)))
    natural = [
        max([width_of(column.title), *(width_of(row[index]) for row in cells)])
        for index, column in enumerate(columns)
    ]
    while width is not None and _total([_least(columns[i], natural[i]) for i in shown]) > width:
        gone = max(shown, key=lambda i: columns[i].rank)
        if columns[gone].rank == 0:
            break
        shown.remove(gone)
    widths = {index: natural[index] for index in shown}
    if width is not None:
        _shrink(columns, widths, width)
    titles = [column.title for column in columns]
    lines = [_line(shown, titles, widths, lambda _column, cell: paint(-1, cell))]
    lines += [_line(shown, row, widths, paint) for row in cells]
    # the last resort, for a terminal narrower than the columns that stay
    if width is not None and _total(list(widths.values())) > width:
        plain = [_line(shown, row, widths, lambda _column, cell: cell) for row in [titles, *cells]]
        lines = [fit(line, max(1, width)) for line in plain]
    return lines


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _least(column: Column, natural: int) -> int:
    return min(natural, max(_NARROWEST, len(column.title))) if column.shrinks else natural


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _shrink(columns: Sequence[Column], widths: dict[int, int], width: int) -> None:
    """Take cells from the widest column that may shrink until the line fits."""
    while _total(list(widths.values())) > width:
        able = [i for i in widths if widths[i] > _least(columns[i], widths[i])]
        if not able:
            return
        widths[max(able, key=lambda i: widths[i])] -= 1


def _line(shown: Sequence[int], row: Sequence[str], widths: dict[int, int], paint: Paint) -> str:
    parts = []
    for index in shown:
        cell = fit(row[index], widths[index])
        padding = "" if index == shown[-1] else " " * (widths[index] - width_of(cell))
        parts.append(paint(index, cell) + padding)
    return _GAP.join(parts).rstrip()
