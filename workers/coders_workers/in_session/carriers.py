"""Who carries out which verb: a module each, found by the verb's name in the table of verbs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from coders_queue.in_session import table
from coders_workers.in_session.call import Call

Carrier = Callable[[Call], dict[str, Any]]


def carriers() -> dict[str, Carrier]:
    """The function ``run`` of every verb's module."""
    return {
        name: import_module(f"coders_workers.in_session.verbs.{name}").run
        for name in table.SUMMARIES
    }
