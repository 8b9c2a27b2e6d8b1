"""Which strategies there are, and what each is told. Loads no plug-in's code unless asked for it.

Those that need a machine are known by their options alone: who has the machine adds them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from coders_queue import errors
from coders_queue.merging.on_host import BestOptions, GitOptions
from coders_queue.merging.report import Report
from coders_queue.merging.strategy import Needs, Options, Strategy
from coders_queue.merging.structured import StructuredMerge
from coders_queue.merging.vote import Voting

#: The entry points that name further strategies.
GROUP = "coders.merge"
#: Those that need nothing but the parts.
PURE: tuple[Strategy, ...] = (Report(), StructuredMerge(), Voting())


@dataclass(frozen=True)
class Known:
    """A strategy as far as it has to be known to ask for it."""

    name: str
    about: str
    options: type[Options]
    needs: Needs


BUILT_IN: Mapping[str, Known] = {
    **{one.name: Known(one.name, one.about, one.options, one.needs) for one in PURE},
    "best": Known("best", "the part with the best score of a check command", BestOptions, "host"),
    "git": Known("git", "the parts' branches, merged by git", GitOptions, "worktree"),
}


def names() -> tuple[str, ...]:
    """All strategies, sorted; plug-ins by the names that they are installed under."""
    return tuple(sorted({*BUILT_IN, *(one.name for one in metadata.entry_points(group=GROUP))}))


def find(name: str) -> Known:
    """The strategy of that name. Raises UsageError, a plug-in's own defects included."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    found = plug_in(name)
    return Known(found.name, found.about, found.options, found.needs)


def plug_in(name: str) -> Strategy:
    """The installed strategy of that name. Raises UsageError for none, or one that is no use."""
    points = [one for one in metadata.entry_points(group=GROUP) if one.name == name]
    if not points:
        near = difflib.get_close_matches(name.lower(), names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names())}"
        raise errors.UsageError(f"there is no merge strategy {name[:60]!r} here", hint)
    point = points[0]
    try:
        found: Any = point.load()
        strategy = found() if isinstance(found, type) else found
        wrong = _defect(strategy, name)
    except Exception as error:  # noqa: BLE001 - it is somebody else's code
        wrong = f"{type(error).__name__}: {error}"
    if wrong is not None:
        package = point.dist.name if point.dist is not None else "an unknown package"
        raise errors.UsageError(
            f"the merge strategy {name!r} of {package} cannot be used: {' '.join(wrong.split())}",
            f"mend or uninstall {package}",
        )
    plug: Strategy = strategy
    return plug


def _defect(strategy: Any, name: str) -> str | None:
    if getattr(strategy, "name", None) != name:
        return f"its name is {getattr(strategy, 'name', None)!r}"
    if not isinstance(getattr(strategy, "about", None), str):
        return "it has no 'about', a text"
    options = getattr(strategy, "options", None)
    if not (isinstance(options, type) and issubclass(options, Options)):
        return "its 'options' are no subclass of coders_queue.merging.strategy.Options"
    if getattr(strategy, "needs", None) not in ("nothing", "host", "worktree"):
        return "its 'needs' is none of nothing, host, worktree"
    return None if callable(getattr(strategy, "merge", None)) else "it has no method 'merge'"
