"""What templates and conditions see of steps that ended: values, loaded when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from coders_queue.flows.data import Fields
from coders_queue.models.outcome import Outcome

Load = Callable[[], Outcome | None]


class RunValue(Fields):
    """One run of a step, or the only one."""

    __slots__ = ("_load", "_named", "_outcome")

    def __init__(self, load: Load, named: Mapping[str, Any]) -> None:
        self._load = load
        self._named = named
        self._outcome: dict[str, Any] | None = None

    def names(self) -> tuple[str, ...]:
        """The fields."""
        return (*self._named, "result", "output", "outcome")

    def field(self, name: str) -> Any:
        """``state``, ``result``, ``output``, ``outcome``; with ``each``, ``item`` and ``index``."""
        if name in self._named:
            return self._named[name]
        if name not in ("result", "output", "outcome"):
            raise KeyError(name)
        if self._outcome is None:
            loaded = self._load()
            self._outcome = {} if loaded is None else loaded.model_dump(mode="json")
        if name == "outcome":
            return self._outcome or None
        return self._outcome.get(name)


class StepValue(Fields, Sequence[RunValue]):
    """A step with ``each``: a list of its runs, and the lists of their fields."""

    __slots__ = ("_runs", "_state")

    def __init__(self, state: str, runs: Sequence[RunValue]) -> None:
        self._state = state
        self._runs = runs

    def names(self) -> tuple[str, ...]:
        """The fields."""
        return ("state", "result", "output", "outcome")

    def field(self, name: str) -> Any:
        """The step's state; else a list of the runs' values, in the order of the items."""
        if name == "state":
            return self._state
        if name not in ("result", "output", "outcome"):
            raise KeyError(name)
        return [run.field(name) for run in self._runs]

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> RunValue: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RunValue]: ...
    def __getitem__(self, index: int | slice) -> RunValue | Sequence[RunValue]:
        return self._runs[index]


class Steps(Fields):
    """``steps`` and ``previous``: values by the names of steps, made when they are asked for."""

    __slots__ = ("_made", "_make", "_names")

    def __init__(self, names: Sequence[str], make: Callable[[str], Any]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, Any] = {}

    def names(self) -> tuple[str, ...]:
        """The steps."""
        return tuple(self._names)

    def field(self, name: str) -> Any:
        """The value of a step."""
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]
