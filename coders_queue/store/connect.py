"""A bounded connection to the broker's server, from its URL.

Owns which URLs are understood and how long anything may take. Nothing is dialled here: the first
command does that. No retries: a server that does not answer costs one time limit, and connections
that a restarted server closed are noticed and replaced before a command is sent on them.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from coders_queue import errors
from coders_queue.settings.masking import mask_url

#: A ``redis.Redis``. Loosely typed, as redis-py's own annotations of its commands are for both its
#: synchronous and its asynchronous client.
Client: TypeAlias = Any

#: Seconds that one answer of the server may take.
SOCKET_TIMEOUT = 3.0
#: Idle seconds after which a connection is tried before it is used.
HEALTH_CHECK = 30

_KNOWN = "redis://HOST:PORT/DB, rediss://..., unix:///PATH or redis+socket:///PATH?virtual_host=DB"
_TLS_WORDS = {"cert_required": "required", "cert_optional": "optional", "cert_none": "none"}


def connect(
    url: str,
    *,
    socket_timeout: float = SOCKET_TIMEOUT,
    connect_timeout: float | None = None,
    health_check_interval: int = HEALTH_CHECK,
) -> Client:
    """A client of the server at ``url``; times in seconds. Raises ConfigError for other URLs."""
    options: dict[str, Any] = {
        "socket_timeout": socket_timeout,
        "socket_connect_timeout": socket_timeout if connect_timeout is None else connect_timeout,
        "health_check_interval": health_check_interval,
        "retry": Retry(NoBackoff(), 0),
        # one shape of answers, whatever the version of redis-py prefers
        "protocol": 2,
        "decode_responses": True,
        "encoding_errors": "surrogateescape",
    }
    try:
        plain = plain_url(url)
        client: Client = redis.Redis.from_url(plain, **options)
        # the time limits are ours, whatever the URL says
        client.connection_pool.connection_kwargs.update(options)
        client.connection_pool.make_connection()
    except (ValueError, TypeError, redis.RedisError) as error:
        raise errors.ConfigError(
            f"{mask_url(url)!r} is not a broker's address: {error}", f"write it as {_KNOWN}"
        ) from None
    return client


def address_of(client: Client) -> str:
    """Where a client connects to, as a URL without user and password."""
    options = client.connection_pool.connection_kwargs
    database = options.get("db") or 0
    if options.get("path"):
        return f"unix://{options['path']}?db={database}"
    secure = issubclass(client.connection_pool.connection_class, redis.SSLConnection)
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    return f"{'rediss' if secure else 'redis'}://{host}:{port}/{database}"


def plain_url(url: str) -> str:
    """The URL as redis-py reads it: Celery's and kombu's spellings put into its own."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme in ("redis+socket", "unix"):
        if not parts.path.strip("/") or parts.hostname:
            raise ValueError("the path of a socket begins with three slashes")
        database = query.pop("virtual_host", query.pop("db", "0")).strip("/")
        if not database.isdigit():
            raise ValueError(f"{database!r} is not the number of a database")
        query["db"] = database
        return f"unix://{parts.netloc}{parts.path}?{urlencode(query)}"
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError(f"{parts.scheme or 'no'} scheme is not known")
    if not unquote(parts.path).strip("/").isdigit() and parts.path.strip("/"):
        raise ValueError(f"{parts.path!r} is not the number of a database")
    checks = query.get("ssl_cert_reqs", "").lower()
    if checks:
        query["ssl_cert_reqs"] = _TLS_WORDS.get(checks, checks)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}"
