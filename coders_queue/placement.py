"""Which host takes a session. Pure: facts in, a name out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coders_queue.models.spec import SessionSpec


def capacity_of(info: Mapping[str, Any]) -> int:
    """How many live sessions a host of that description takes."""
    return int(info.get("capacity", 1))


def choose_host(
    spec: SessionSpec, hosts: Mapping[str, Mapping[str, Any]], load: Mapping[str, int]
) -> str | None:
    """The fitting host with the fewest live sessions (the first by name of several).

    ``hosts`` are descriptions by name, of which ``capacity`` (sessions) is read; ``load`` counts
    the live sessions of each. None when no host fits.
    """
    fitting = [
        name
        for name, info in hosts.items()
        if spec.host in (None, name) and load.get(name, 0) < capacity_of(info)
    ]
    return min(fitting, key=lambda name: (load.get(name, 0), name), default=None)
