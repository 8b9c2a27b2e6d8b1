"""The worker's consumer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coders_workers.consumer import SteadyConsumer


class _Broken:
    """A connection whose channel lost its address, as kombu 5.7 leaves one."""

    recoverable_connection_errors = (ConnectionError,)
    recoverable_channel_errors = ()
    closed = False

    def collect(self, socket_timeout: float | None = None) -> None:
        raise ConnectionError

    def close(self) -> None:
        _Broken.closed = True
        raise AttributeError("'NoneType' object has no attribute 'hostname'")

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError(name)


def test_a_connection_that_cannot_be_closed_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker goes on; Celery's own consumer would end it."""
    monkeypatch.setattr(
        "celery.worker.consumer.consumer.bound_open_broker_sockets", lambda *_: None
    )
    consumer = SteadyConsumer.__new__(SteadyConsumer)
    conf = SimpleNamespace(worker_cancel_long_running_tasks_on_connection_loss=True)
    consumer.app = SimpleNamespace(conf=conf)
    consumer.connection = _Broken()
    consumer.on_connection_error_after_connected(ConnectionError("gone"))
    assert _Broken.closed
    assert consumer.connection is None
