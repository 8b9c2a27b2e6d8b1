"""The lifecycle table, over every pair of states."""

from __future__ import annotations

import itertools

import pytest

from coders_queue.models.lifecycle import ENDED, MOVES, ON_HOST, State, may_follow, sources_of

#: Spelled out again on purpose: a change of the table is a decision, and shows here.
LEGAL = {
    "queued": {"assigned", "failed", "cancelled"},
    "assigned": {"starting", "queued", "failed", "cancelled"},
    "starting": {"running", "queued", "succeeded", "failed", "cancelled"},
    "running": {"queued", "succeeded", "failed", "cancelled"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(State, State)))
def test_every_pair(source: State, target: State) -> None:
    """A move is legal exactly where the table says so."""
    assert may_follow(source, target) == (str(target) in LEGAL[str(source)])
    assert (source in sources_of(target)) == may_follow(source, target)


def test_ends_are_final() -> None:
    """Nothing follows an end, and every other state can reach one."""
    assert set(MOVES) == set(State)
    assert all(not MOVES[state] for state in ENDED)
    assert all(MOVES[state] & ENDED for state in set(State) - ENDED)
    assert not ON_HOST & ENDED
