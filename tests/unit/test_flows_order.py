"""What waits for what: cycles, loops, and the drawing of it."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from coders_queue.flows import draw_text
from coders_queue.flows.check import check, targets
from coders_queue.flows.decision import StepView
from coders_queue.flows.draw_mermaid import mermaid
from coders_queue.flows.draw_text import MAX_RAILS
from coders_queue.flows.order import Order, Waits, cycle, sort
from coders_queue.flows.read import of_data

GRAPHS = st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=1, max_size=12)


def _order(back: dict[str, str] | None = None, /, **needs: str) -> Order:
    waits = {name: Waits(needs=tuple(those.split())) for name, those in needs.items()}
    return Order(waits, back or {})


@given(GRAPHS)
def test_a_graph_has_an_order_or_a_cycle(edges: list[list[int]]) -> None:
    """And the cycle is one: each waits for the next."""
    count = len(edges)
    waits = {str(n): [str(m % count) for m in those] for n, those in enumerate(edges)}
    ring = cycle(waits)
    ordered = sort(waits)
    if ring is None:
        place = {name: number for number, name in enumerate(ordered)}
        assert len(ordered) == count
        assert all(place[one] < place[name] for name, those in waits.items() for one in those)
    else:
        assert ring[0] == ring[-1]
        assert len(ring) > 1
        assert all(b in waits[a] for a, b in itertools.pairwise(ring))
        assert len(ordered) < count


@given(GRAPHS, st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=3))
@settings(deadline=None)
def test_units_come_after_all_they_wait_for(
    edges: list[list[int]], back: list[tuple[int, int]]
) -> None:
    """However loops overlap: no unit waits for one that waits for it, and a loop is in one unit."""
    count = len(edges)
    names = [f"s{n}" for n in range(count)]
    needs = {
        name: Waits(needs=tuple({names[m % n] for m in edges[n]}) if n else ())
        for n, name in enumerate(names)
    }
    plain = Order(needs, {})
    order = Order(
        needs,
        {
            names[gate % count]: names[to % count]
            for gate, to in back
            if names[to % count] in {names[gate % count], *_before(plain, names[gate % count])}
        },
    )
    unit = {name: number for number, unit in enumerate(order.units) for name in unit.members}
    assert sorted(unit) == sorted(names)
    for name, waits in needs.items():
        assert all(unit[one] <= unit[name] for one in waits.all)
    for gate in order.targets:
        body = order.body(gate)
        assert {unit[name] for name in body} == {unit[gate]}
        assert order.targets[gate] in body
        assert gate in body


def _before(order: Order, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for one in order.waits[waiting.pop()].all:
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def test_two_loops_that_touch_are_one_unit() -> None:
    """What stands between them is in it, too; what hangs on them is not."""
    order = _order(
        {"test": "make", "review": "make"},
        plan="",
        make="plan",
        test="make",
        review="test",
        notes="make",
        tell="review notes",
    )
    assert [unit.members for unit in order.units] == [
        ("plan",),
        ("make", "test", "review"),
        ("notes",),
        ("tell",),
    ]
    assert order.redone(order.units[1], "test") == ("make", "test", "review")
    assert order.last == ("tell",)


def _flow(**needs: str) -> tuple[str, ...]:
    flow = of_data(
        {
            "flow": "f",
            "defaults": {"agent": "claude", "task": "x"},
            "steps": {name: {"needs": those.split()} for name, those in needs.items()},
        }
    )
    drawn = draw_text.lines(flow, Order(check(flow), targets(flow)))
    return tuple(f"{line.rails.rstrip()} {line.name}" for line in drawn)


def test_a_graph_is_drawn_with_rails() -> None:
    """From each step to what waits for it; one that waits for nothing hangs on nothing."""
    assert _flow(a="", b="a", c="a", d="b c") == ("○ a", "├─○ b", "○ │ c", "○─╯ d")
    assert _flow(a="", b="", c="a b", x="a", d="c", e="d x", f="", g="f e") == (
        "○ a",
        "│ ○ b",
        "├─○ c",
        "○ │ x",
        "│ ○ d",
        "○─╯ e",
        "│   ○ f",
        "○───╯ g",
    )


def test_a_graph_too_wide_for_rails_is_told_in_words() -> None:
    """What each waits for stands behind it."""
    many = {f"s{n}": "" for n in range(MAX_RAILS + 2)}
    flow = of_data(
        {
            "flow": "f",
            "defaults": {"agent": "claude", "task": "x"},
            "steps": {**{name: {} for name in many}, "z": {"needs": list(many)}},
        }
    )
    last = draw_text.lines(flow, Order(check(flow), targets(flow)))[-1]
    assert last.rails == "○"
    assert last.about.startswith("after s0, s1, ")


def test_a_chart_has_all_edges_and_no_word_of_mermaids_own() -> None:
    """A step may be called `end`; states have colours; nothing in a label is markup."""
    flow = of_data(
        {
            "flow": "f",
            "steps": {
                "a": {"agent": '{{ "a" }}', "task": "x", "each": [1, 2]},
                "m": {"merge": {"strategy": "report", "of": "a"}},
                "end": {
                    "agent": "claude",
                    "task": "{{ steps.m.result }}",
                    "go_back": {"to": "m", "when": "true", "at_most": 2},
                },
            },
        }
    )
    views = {"a": StepView("succeeded"), "m": StepView("running"), "end": StepView("waiting")}
    assert mermaid(flow, Order(check(flow), targets(flow)), views) == (
        "flowchart TD\n"
        '    s0["a ×2<br/>{{ #34;a#34; }}"]\n'
        '    s1{{"m<br/>merge report"}}\n'
        '    s2["end<br/>claude"]\n'
        "    s0 -.-> s1\n"
        "    s1 --> s2\n"
        '    s2 == "at most 2×" ==> s1\n'
        "    classDef succeeded fill:#d3f5d8,stroke:#1a7f37\n"
        "    class s0 succeeded\n"
        "    classDef running fill:#cde8ff,stroke:#1f6feb\n"
        "    class s1 running\n"
    )
