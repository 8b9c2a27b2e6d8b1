"""A flow as a Mermaid flowchart, for a page or a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from coders_queue.flows import words
from coders_queue.flows.decision import StepView
from coders_queue.flows.model import Flow
from coders_queue.flows.order import Order

_CLASSES = {
    "running": "fill:#cde8ff,stroke:#1f6feb",
    "succeeded": "fill:#d3f5d8,stroke:#1a7f37",
    "failed": "fill:#ffd8d3,stroke:#cf222e",
    "skipped": "fill:#eeeeee,stroke:#8c959f,stroke-dasharray:4",
    "cancelled": "fill:#fff1c2,stroke:#9a6700",
}


def mermaid(flow: Flow, order: Order, views: Mapping[str, StepView] | None = None) -> str:
    """The chart; with views, coloured by how the steps stand."""
    # names may be words of Mermaid's own, such as end
    ids = {name: f"s{number}" for number, name in enumerate(flow.steps)}
    lines = ["flowchart TD", *(f"    {line}" for line in _lines(flow, order, ids, views or {}))]
    return "\n".join(lines) + "\n"


def _lines(
    flow: Flow, order: Order, ids: Mapping[str, str], views: Mapping[str, StepView]
) -> Iterator[str]:
    for name, step in flow.whole.items():
        times = words.times(step, views.get(name))
        label = f"{name}{' ' + times if times else ''}<br/>{_escaped(words.doer(step))}"
        begin, end = ('{{"', '"}}') if step.merge is not None else ('["', '"]')
        yield f"{ids[name]}{begin}{label}{end}"
    for name in flow.steps:
        waits = order.waits[name]
        yield from (f"{ids[one]} --> {ids[name]}" for one in waits.needs)
        yield from (f"{ids[one]} -.-> {ids[name]}" for one in waits.after)
    for name, to in order.targets.items():
        loop = flow.steps[name].go_back
        if loop is not None:
            yield f'{ids[name]} == "at most {loop.at_most}×" ==> {ids[to]}'
    used = dict.fromkeys(view.state for view in views.values())
    for state in used:
        if state in _CLASSES:
            those = ",".join(ids[name] for name, view in views.items() if view.state == state)
            yield f"classDef {state} {_CLASSES[state]}"
            yield f"class {those} {state}"


def _escaped(text: str) -> str:
    """A text within a label: nothing of it is markup."""
    return "".join(c if c.isalnum() or c in " ._-@/{}" else f"#{ord(c)};" for c in text)
