"""What waits for what: the order of a flow's steps, its cycles, its loops.

Pure graph work over names. A *unit* is what is decided together: one step, or a *region*: all steps
that loops which touch each other may run again, with what lies between them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from coders_queue.models.base import Model


class Waits(Model):
    """What a step waits for."""

    needs: tuple[str, ...] = ()
    """Steps that must have succeeded."""
    after: tuple[str, ...] = ()
    """Steps that must have ended."""

    @property
    def all(self) -> tuple[str, ...]:
        """Both."""
        return (*self.needs, *self.after)


@dataclass(frozen=True)
class Unit:
    """Steps that are decided together."""

    members: tuple[str, ...]
    """In order."""
    gates: tuple[str, ...]
    """Those of them that may go back."""


@dataclass(frozen=True)
class Order:
    """The order of a flow without cycles."""

    waits: Mapping[str, Waits]
    targets: Mapping[str, str]
    """Of each step that may go back, where to."""

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """Each after all that it waits for; else as they stand in the file."""
        return sort(self.before)

    @cached_property
    def before(self) -> Mapping[str, tuple[str, ...]]:
        """Of each step, all that it waits for."""
        return {name: waits.all for name, waits in self.waits.items()}

    @cached_property
    def followers(self) -> Mapping[str, tuple[str, ...]]:
        """Of each step, what waits for it."""
        found: dict[str, list[str]] = {name: [] for name in self.waits}
        for name, waits in self.waits.items():
            for one in dict.fromkeys(waits.all):
                found[one].append(name)
        return {name: tuple(those) for name, those in found.items()}

    @cached_property
    def dealt_with(self) -> frozenset[str]:
        """Steps that others come after, however they end."""
        return frozenset(one for waits in self.waits.values() for one in waits.after)

    @cached_property
    def last(self) -> tuple[str, ...]:
        """Steps that nothing waits for."""
        return tuple(name for name in self.steps if not self.followers[name])

    def body(self, gate: str) -> tuple[str, ...]:
        """What runs again when that step goes back: from its target to itself, in order."""
        place = self._place
        start, end = place[self.targets[gate]], place[gate]
        back: set[str] = set()
        waiting = [gate]
        while waiting:
            name = waiting.pop()
            if name in back or place[name] < start:
                continue
            back.add(name)
            waiting.extend(self.waits[name].all)
        found = {self.targets[gate]}
        for name in self.steps[start : end + 1]:
            if name in back and any(one in found for one in self.waits[name].all):
                found.add(name)
        return tuple(name for name in self.steps[start : end + 1] if name in found)

    def redone(self, unit: Unit, gate: str) -> tuple[str, ...]:
        """What of a region runs again when that gate goes back: all that rests on its target."""
        found = {self.targets[gate]}
        for name in unit.members:
            if any(one in found for one in self.waits[name].all):
                found.add(name)
        return tuple(name for name in unit.members if name in found)

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.steps)}

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """In order: each after all units that its members wait for."""
        group = {name: name for name in self.steps}
        for gate in self.targets:
            _join(group, self.body(gate))
        edges = self._between(group)
        # regions that wait for each other are one; so is what lies between two parts of one
        for ring in components(edges):
            if len(ring) > 1:
                _join(group, ring)
        members: dict[str, list[str]] = {}
        for name in self.steps:
            members.setdefault(_root(group, name), []).append(name)
        return tuple(
            Unit(tuple(members[root]), tuple(n for n in members[root] if n in self.targets))
            for root in sort(self._between(group))
        )

    def _between(self, group: dict[str, str]) -> dict[str, tuple[str, ...]]:
        """What each group waits for, by the groups' roots."""
        found: dict[str, dict[str, None]] = {}
        for name in self.steps:
            root = _root(group, name)
            mine = found.setdefault(root, {})
            for one in self.waits[name].all:
                if (other := _root(group, one)) != root:
                    mine[other] = None
        return {root: tuple(those) for root, those in found.items()}


def sort(waits: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Names so that each comes after all that it waits for; else in the mapping's order. What is in
    a cycle, or waits for one, is left out."""
    number = {name: place for place, name in enumerate(waits)}
    left = {name: len(set(those)) for name, those in waits.items()}
    followers: dict[str, list[str]] = {}
    for name, those in waits.items():
        for one in set(those):
            followers.setdefault(one, []).append(name)
    names = list(waits)
    ready = [number[name] for name, count in left.items() if count == 0]
    heapq.heapify(ready)
    found = []
    while ready:
        name = names[heapq.heappop(ready)]
        found.append(name)
        for follower in followers.get(name, ()):
            left[follower] -= 1
            if left[follower] == 0:
                heapq.heappush(ready, number[follower])
    return tuple(found)


def cycle(waits: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """A shortest way from a step to itself: in ``("a", "b", "a")`` a waits for b. None without."""
    done = set(sort(waits))
    rest = {name: [one for one in those if one not in done] for name, those in waits.items()}
    ring = next((ring for ring in components(rest) if len(ring) > 1), None)
    own = next((name for name, those in rest.items() if name in those), None)
    if own is not None:
        return (own, own)
    if ring is None:
        return None
    inside = set(ring)
    start = next(name for name in waits if name in inside)
    came: dict[str, str] = {}
    edge = [start]
    while edge:
        after = []
        for name in edge:
            for one in rest[name]:
                if one == start:
                    way = [start, name]
                    while way[-1] != start:
                        way.append(came[way[-1]])
                    return tuple(reversed(way)) if len(way) > 1 else None
                if one in inside and one not in came:
                    came[one] = name
                    after.append(one)
        edge = after
    raise AssertionError(ring)


def components(edges: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """The strongly connected components, by Tarjan's way without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found = []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, rest = work[-1]
            for one in rest:
                if one not in index:
                    index[one] = low[one] = len(index)
                    stack.append(one)
                    on_stack.add(one)
                    work.append((one, iter(edges[one])))
                    break
                if one in on_stack:
                    low[name] = min(low[name], index[one])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[name])
                if low[name] == index[name]:
                    ring: list[str] = []
                    while not ring or ring[-1] != name:
                        ring.append(stack.pop())
                        on_stack.discard(ring[-1])
                    found.append(tuple(reversed(ring)))
    return found


def _root(group: dict[str, str], name: str) -> str:
    while group[name] != name:
        group[name] = name = group[group[name]]
    return name


def _join(group: dict[str, str], names: Sequence[str]) -> None:
    first = _root(group, names[0])
    for name in names[1:]:
        group[_root(group, name)] = first
