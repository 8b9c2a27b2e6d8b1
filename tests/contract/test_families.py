"""Every store: a session has no more children than it may."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from coders_queue.store.base import Store
from coders_queue.store.connect import Client, connect
from coders_queue.store.keys import Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    with contextlib.closing(connect(redis_url)) as one:
        yield one


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    return RedisStore(request.getfixturevalue("client"))


def test_a_session_has_no_more_children_than_it_may(store: Store) -> None:
    """Counted in one step, each once; one that was not begun makes room."""
    families = store.families
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda n: families.adopt("p", f"c{n}", 5), range(20)))
    assert sum(taken) == 5
    children = families.children("p")
    assert len(children) == 5
    assert families.adopt("p", children[0], 5)
    assert families.adopt("p", children[0], 0)
    families.disown("p", children[1])
    families.disown("p", "none")
    assert families.adopt("p", "late", 5)
    assert families.children("p") == [children[0], *children[2:], "late"]
    assert families.children("other") == []
    assert not families.adopt("q", "c", 0)


def test_a_family_is_forgotten_in_time(client: Client) -> None:
    """On the server it has a time to live from the first write on."""
    RedisStore(client).families.adopt("p", "c", 1)
    assert client.ttl(Keys().family("p")) > 6 * 24 * 3600
