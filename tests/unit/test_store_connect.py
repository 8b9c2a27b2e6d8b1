"""URLs of the broker: which are understood, how, and what is shown of them."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from coders_queue import errors
from coders_queue.store.connect import address_of, connect
from coders_queue.store.memory import MemoryStore
from coders_queue.store.open import open_store
from coders_queue.store.redis import RedisStore


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", {"host": "h"}),
        ("redis://h:7000/5", {"host": "h", "port": 7000, "db": 5}),
        ("redis://u:p%40ss@h/1", {"host": "h", "username": "u", "password": "p@ss", "db": 1}),
        ("redis://[::1]:7000/2", {"host": "::1", "port": 7000, "db": 2}),
        ("unix:///run/r.sock", {"path": "/run/r.sock", "db": 0}),
        ("unix:///run/r.sock?db=2", {"path": "/run/r.sock", "db": 2}),
        ("unix://u:p@/run/r.sock", {"path": "/run/r.sock", "username": "u", "password": "p"}),
        ("redis+socket:///run/r.sock", {"path": "/run/r.sock", "db": 0}),
        ("redis+socket:///run/r.sock?virtual_host=4", {"path": "/run/r.sock", "db": 4}),
        ("redis+socket:///run/r.sock?virtual_host=/4", {"path": "/run/r.sock", "db": 4}),
        ("redis+socket:///a%20b/s?virtual_host=1&password=x", {"path": "/a b/s", "password": "x"}),
        ("rediss://h/0?ssl_cert_reqs=CERT_NONE", {"host": "h", "ssl_cert_reqs": "none"}),
        ("rediss://h/0?ssl_cert_reqs=required", {"host": "h", "ssl_cert_reqs": "required"}),
        ("rediss://h?ssl_ca_certs=/etc/ca.pem", {"ssl_ca_certs": "/etc/ca.pem"}),
    ],
)
def test_urls_that_are_understood(url: str, expected: dict[str, Any]) -> None:
    """Celery's, kombu's and redis-py's spellings all lead to the right place."""
    options = connect(url).connection_pool.connection_kwargs
    assert {name: options.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "amqp://guest:hunter2@h//",
        "redis://h:port/0",
        "redis://u:hunter2@h/zero",
        "redis://u:hunter2@h:99999/0",
        "redis+socket://run/r.sock",
        "redis+socket:///",
        "redis+socket:///run/r.sock?virtual_host=one",
        "redis://:hunter2@h/0?no_such_option=1",
        "rediss://:hunter2@h/0?ssl_cert_reqs=perhaps",
        "redis://:hunter2@h/0?socket_timeout=soon",
    ],
)
def test_urls_that_are_not(url: str) -> None:
    """Any other URL is a ConfigError in one line, with the way to write it and no password."""
    with pytest.raises(errors.ConfigError, match="redis://HOST") as caught:
        connect(url)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_time_limits_are_ours() -> None:
    """No option of the URL lifts the time limit, and nothing is tried twice."""
    client = connect("redis://h?socket_timeout=900&socket_connect_timeout=900", socket_timeout=0.5)
    options = client.connection_pool.connection_kwargs
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (0.5, 0.5)
    assert options["retry"].get_retries() == 0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@h:7000/5", "redis://h:7000/5"),
        ("redis://h", "redis://h:6379/0"),
        ("rediss://:hunter2@h/1", "rediss://h:6379/1"),
        ("redis+socket://:hunter2@/run/s?virtual_host=2", "unix:///run/s?db=2"),
    ],
)
def test_addresses_hide_credentials(url: str, shown: str) -> None:
    """What errors show of a server is its place alone."""
    assert address_of(connect(url)) == shown


def test_open_store_picks_by_url() -> None:
    """``memory://`` is the store of this process; any other URL is a server, not dialled yet."""
    assert isinstance(open_store("memory://"), MemoryStore)
    assert isinstance(open_store("redis://192.0.2.1:1/0"), RedisStore)
    assert isinstance(connect("redis://192.0.2.1:1/0"), redis.Redis)
