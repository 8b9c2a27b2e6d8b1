"""coders: AI coding agents as dependable distributed work.

The public names. They load on first use, so that ``import coders_queue`` stays
cheap for the command line and never loads Celery by itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coders_queue.client.client import Coders
    from coders_queue.client.flow_handle import FlowHandle
    from coders_queue.client.handle import SessionHandle
    from coders_queue.errors import CodersError
    from coders_queue.models.lifecycle import State
    from coders_queue.models.outcome import Outcome
    from coders_queue.models.spec import SessionSpec

__version__ = "0.1.0"

_HOMES = {
    "Coders": "coders_queue.client.client",
    "CodersError": "coders_queue.errors",
    "FlowHandle": "coders_queue.client.flow_handle",
    "Outcome": "coders_queue.models.outcome",
    "SessionHandle": "coders_queue.client.handle",
    "SessionSpec": "coders_queue.models.spec",
    "State": "coders_queue.models.lifecycle",
}

__all__ = [
    "Coders",
    "CodersError",
    "FlowHandle",
    "Outcome",
    "SessionHandle",
    "SessionSpec",
    "State",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'coders_queue' has no attribute {name!r}") from None
    return getattr(import_module(home), name)
