"""The strategies that can be carried out here: the pure, those that need a machine, plug-ins."""

from __future__ import annotations

from coders_queue.merging import catalog
from coders_queue.merging.strategy import Strategy
from coders_workers.merging.best import BestOf
from coders_workers.merging.git_merge import GitMerging

_BUILT_IN: dict[str, Strategy] = {one.name: one for one in (*catalog.PURE, BestOf(), GitMerging())}


def find(name: str) -> Strategy:
    """The strategy of that name. Raises UsageError."""
    return _BUILT_IN[name] if name in _BUILT_IN else catalog.plug_in(name)
