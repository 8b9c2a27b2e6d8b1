"""A flow as lines of text: a step a line, in order, with rails from each to what waits for it.

A graph too wide for rails is told in words instead. Colours and cutting to a terminal's width are
for whoever prints it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coders_queue.flows import words
from coders_queue.flows.decision import StepState, StepView
from coders_queue.flows.model import Flow
from coders_queue.flows.order import Order

#: The most rails side by side.
MAX_RAILS = 12

GLYPHS: Mapping[StepState, str] = {
    "waiting": "○",
    "running": "◐",
    "succeeded": "●",
    "failed": "✗",
    "skipped": "–",
    "cancelled": "⊘",
}


@dataclass(frozen=True)
class Line:
    """A step's line, in parts."""

    rails: str
    """Beside and before it; the step's own mark among them."""
    name: str
    times: str
    doer: str
    state: StepState | None
    about: str


def lines(
    flow: Flow, order: Order, views: Mapping[str, StepView] | None = None
) -> tuple[Line, ...]:
    """The lines of a flow; with views, as its steps stand."""
    marks = {
        name: GLYPHS[views[name].state] if views and name in views else GLYPHS["waiting"]
        for name in order.steps
    }
    drawn = _rails(order, marks)
    found = []
    for number, name in enumerate(order.steps):
        step = flow.whole[name]
        view = None if views is None else views.get(name)
        about = words.about(step) if view is None else [words.told(view)]
        if drawn is None and (waits := words.waits_for(order.waits[name])):
            about.insert(0, f"after {waits}")
        rails = marks[name] if drawn is None else drawn[number]
        found.append(
            Line(
                rails,
                name,
                words.times(step, view),
                words.doer(step),
                None if view is None else view.state,
                "; ".join(about),
            )
        )
    return tuple(found)


def _rails(order: Order, marks: Mapping[str, str]) -> list[str] | None:
    """The rails beside each step; None when there would be too many."""
    columns: list[str | None] = []  # whose rail runs there
    left = {name: len(those) for name, those in order.followers.items()}
    drawn: list[str] = []
    before: set[int] = set()  # where something stood in the line above
    for name in order.steps:
        sources = set(order.before[name])
        joined = [at for at, owner in enumerate(columns) if owner in sources]
        ending = []
        for at in joined:
            left[str(columns[at])] -= 1
            if left[str(columns[at])] == 0:
                ending.append(at)
        place = ending[0] if ending else _free(columns, set() if sources else before)
        columns += [None] * (place + 1 - len(columns))
        drawn.append(_line(columns, place, joined, set(ending), marks[name]))
        before = {at for at, owner in enumerate(columns) if owner is not None} | {place}
        for at in ending:
            columns[at] = None
        columns[place] = name if left[name] else None
        while columns and columns[-1] is None:
            columns.pop()
        if len(columns) > MAX_RAILS:
            return None
    width = max(map(len, drawn), default=0)
    return [line.ljust(width) for line in drawn]


def _free(columns: Sequence[str | None], taken: set[int]) -> int:
    """The first column without a rail, and without a step above that one would seem to follow."""
    for at in range(len(columns) + 1):
        if (at == len(columns) or columns[at] is None) and at not in taken:
            return at
    return len(columns) + 1


def _line(
    columns: Sequence[str | None], place: int, joined: list[int], ending: set[int], mark: str
) -> str:
    first, last = min([place, *joined]), max([place, *joined])
    cells = []
    for at in range(max(len(columns), place + 1)):
        inside = first <= at <= last
        rail = at < len(columns) and columns[at] is not None
        if at == place:
            cell = mark
        elif at in joined and at in ending:
            cell = "╯" if at > place else "╰"
            cell = "┴" if first < at < last else cell
        elif at in joined:
            cell = "┼" if first < at < last else "┤" if at > place else "├"
        elif inside:
            cell = "┼" if rail else "─"
        else:
            cell = "│" if rail else " "
        cells.append(cell + ("─" if first <= at < last else " "))
    return "".join(cells).rstrip()
