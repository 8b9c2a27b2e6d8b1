"""The result backend: Celery's own for Redis, with every command bounded in time.

Celery passes redis-py no retry policy, and redis-py's default retries a dead server ten times: one
``get`` then takes minutes. Only the client's construction differs here.
"""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend
from redis.backoff import NoBackoff
from redis.retry import Retry


class BoundedRedisBackend(RedisBackend):
    """``RedisBackend`` whose clients give up after one socket timeout."""

    def _create_client(self, **params: Any) -> Any:
        return super()._create_client(  # type: ignore[misc]
            retry=Retry(NoBackoff(), 0), **params
        )
