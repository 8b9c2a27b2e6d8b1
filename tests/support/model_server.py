"""The project's model stub as a process of its own inside a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coders_workers.model_stub.control import Stub as ModelServer
from coders_workers.model_stub.running import stub_process
from support.netns import Namespace

__all__ = ["ModelServer", "model_server"]


@contextmanager
def model_server(inside: Namespace, directory: Path) -> Iterator[ModelServer]:
    """A stub in the namespace; ``directory`` holds its socket and log."""
    with stub_process(directory, inside.argv) as stub:
        yield stub
