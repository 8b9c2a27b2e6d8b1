"""The result backend: Celery's own for Redis, bounded in time, and patient with an outage.

Celery passes redis-py no retry policy, and redis-py's default retries a dead server ten times: one
``get`` then takes minutes. And where it cannot publish what follows a task, it fails that task, and
a chord's body, for good. A session has ended before that and its outcome is in the store: it is
delivered again when the broker is back (``Dispatch.reconcile``), so no outage is written down as a
session's failure here. Tasks that are not ours fail as ever.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from functools import cached_property
from typing import Any

from celery.backends.asynchronous import E_RETRY_LIMIT_EXCEEDED  # type: ignore[attr-defined]
from celery.backends.redis import (  # type: ignore[attr-defined]
    CHORD_CLEANUP_LUA,
    RedisBackend,
)
from celery.exceptions import BackendError
from celery.exceptions import TimeoutError as ResultTimeout
from kombu.exceptions import OperationalError
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from coders_queue.errors import Unavailable
from coders_queue.queue import names

_OUT_OF_REACH = (
    *(OperationalError, RedisError, Unavailable, BackendError, ResultTimeout),
    *(ConnectionError, TimeoutError),
)


def _outage(error: BaseException | None) -> bool:
    """Whether an exception says no more than that the broker cannot be reached."""
    return isinstance(error, _OUT_OF_REACH) or (
        isinstance(error, RuntimeError) and E_RETRY_LIMIT_EXCEEDED in error.args
    )


class _Part(threading.local):
    """The chord that this thread counts a session's part of."""

    group: str | None = None
    cut_off = False


class BoundedRedisBackend(RedisBackend):
    """``RedisBackend`` whose clients give up after one socket timeout, and fail no session."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._part = _Part()

    def _create_client(self, **params: Any) -> Any:
        return super()._create_client(  # type: ignore[misc]
            retry=Retry(NoBackoff(), 0), **params
        )

    def mark_as_failure(
        self,
        task_id: str,
        exc: Any,
        traceback: Any = None,
        request: Any = None,
        *args: Any,
        **options: Any,
    ) -> None:
        """Write a failure down, unless it is an outage met while a session was delivered."""
        if getattr(request, "task", None) == names.SESSION and _outage(exc):
            return
        super().mark_as_failure(task_id, exc, traceback, request, *args, **options)

    def on_chord_part_return(
        self, request: Any, state: str, result: Any, propagate: Any = None, **options: Any
    ) -> None:
        """Count a part of a chord; should the body not be sent for want of a broker, keep all."""
        part = self._part
        if getattr(request, "task", None) != names.SESSION or not request.group or part.group:
            super().on_chord_part_return(request, state, result, propagate, **options)
            return
        size_key = self.get_key_for_group(request.group, ".s")
        size = self.client.get(size_key)
        part.group, part.cut_off = request.group, False
        try:
            super().on_chord_part_return(request, state, result, propagate, **options)
        finally:
            part.group = None
            if part.cut_off and size is not None:
                # Celery has dropped it, and without it nobody sends the body any more
                expires = self.app.conf.result_chord_expires  # type: ignore[attr-defined]
                self.client.set(size_key, size, ex=expires, nx=True)

    def chord_error_from_stack(self, callback: Any, exc: Any = None) -> Any:
        """Fail a chord's body, unless it is only that its broker was away."""
        part = self._part
        if part.group is None or not _outage(sys.exc_info()[1]):
            return super().chord_error_from_stack(callback, exc)
        part.cut_off = True
        with contextlib.suppress(RedisError):  # the claim also ends by itself
            self.client.delete(self.get_key_for_group(part.group, ".c"))
        return None

    @cached_property
    def _chord_cleanup_script(self) -> Any:
        script = self.client.register_script(CHORD_CLEANUP_LUA)

        def clean_up(**options: Any) -> Any:
            # what Celery does at the end of a try, also when the body was not sent
            return 0 if self._part.cut_off else script(**options)

        return clean_up
