"""Loops: the same actions, and the same comes of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coders_queue.models.observation import Step
from coders_queue.watching.loop import Loop


def feed(loop: Loop, pairs: list[tuple[str, str]], begin: int = 0) -> None:
    for number, (action, outcome) in enumerate(pairs, begin):
        loop.add([Step(kind="call", id=str(number), digest=action, name=f"tool {action}")])
        loop.add([Step(kind="return", id=str(number), digest=outcome)])


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), min_size=1, max_size=4),
    st.integers(3, 9),
    st.integers(0, 10),
)
def test_a_round_that_repeats_is_found(
    one_round: list[tuple[str, str]], repeats: int, before: int
) -> None:
    """A round of up to four actions, done so often in a row, is a loop, whatever came before."""
    loop = Loop(repeats)
    feed(loop, [(f"b{number}", "z") for number in range(before)])
    feed(loop, one_round * repeats, before)
    found = loop.found()
    assert found is not None
    assert f"{repeats} times" in found


@given(st.lists(st.sampled_from("ab"), max_size=40))
def test_what_is_new_each_time_is_none(actions: list[str]) -> None:
    """As long as something else comes of the same actions, it is no loop."""
    loop = Loop(3)
    feed(loop, [(action, f"outcome {number}") for number, action in enumerate(actions)])
    assert loop.found() is None


def test_a_call_that_is_told_twice_counts_once() -> None:
    """A transcript that is written anew repeats nothing that the agent did."""
    loop = Loop(3)
    for _ in range(5):
        feed(loop, [("a", "x")])
    assert loop.found() is None


def test_a_tool_runs_until_it_gives_something_back() -> None:
    """Or until the turn is over, when nothing that was called runs any more."""
    loop = Loop(3)
    loop.add([Step(kind="call", id="1", digest="a")])
    assert loop.open
    loop.add([Step(kind="return", id="1", digest="x")])
    assert not loop.open
    loop.add([Step(kind="call", id="2", digest="a")])
    loop.settle()
    assert not loop.open


def test_the_same_prompt_again_is_no_loop() -> None:
    """Who is asked for the same in each turn does the same in each turn."""
    loop = Loop(3)
    for turn in range(6):
        feed(loop, [("a", "x")], turn)
        loop.settle()
    assert loop.found() is None
