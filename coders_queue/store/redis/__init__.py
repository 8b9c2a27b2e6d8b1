"""The store in a Redis-protocol server (6.2 or later), for all hosts to agree on."""

from coders_queue.store.redis.store import RedisStore

__all__ = ["RedisStore"]
